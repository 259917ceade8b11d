import type { Logger } from "../../log.ts";
// Past its room's face, which brings the proxy itself along.
import { ProxyClient } from "../../proxy/client.ts";
import type { AttachVM } from "../../proxy/mod.ts";
import { isTracing, trace } from "../../trace.ts";
import type { GuestPort } from "../agent.ts";
import { describeLink, type GuestLink } from "./guest_link.ts";
import { checkSize } from "./message_size.ts";

/** How long the proxy of a pod that is up may take no connection, in milliseconds: it is not one that still starts. */
const REACH_TIMEOUT = 300;

/** Whose guest is to be reached, and how. */
export interface GuestAddress {
  pod: string;
  /** Address of the pod's proxy. */
  proxy: string;
  /** Longest guest message in bytes, where the guest does not say what it takes. Default: 10240. */
  maxMessage?: number;
  /** Ends what is under way. */
  signal?: AbortSignal;
}

/** A pod's guest by way of its proxy: one attached connection, opened at the first command and again after a loss. */
export class GuestConnection {
  readonly #options: GuestAddress;
  readonly #logger: Logger;
  #link: Promise<GuestLink> | undefined;
  /** Ends what is under way at the close: a connection that is still being tried, above all. */
  #closing = new AbortController();

  constructor(options: GuestAddress, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
  }

  /** The connection, where one was opened. */
  get known(): Promise<GuestLink> | undefined {
    return this.#link;
  }

  /**
   * Sends a command of the guest protocol.
   *
   * @param token of the process that it starts
   * @throws {Failure} when the message is longer than the guest takes
   */
  async send(name: string, message?: object, token?: string): Promise<Uint8Array> {
    const { client, maxMessage } = await this.attached();
    if (message) checkSize(name, message, maxMessage);
    using _span = trace(name);
    return await client.hyper(name, token === undefined ? [] : [token], message, this.limits());
  }

  /** Makes the proxy wait for the guest; the connection is attached to the VM from then on. */
  register([control, stream]: readonly GuestPort[]): Promise<GuestLink> {
    if (!control || !stream) throw new Error("Cannot start the pod: its driver has no sockets yet");
    const vm = {
      containerId: this.#options.pod,
      ctlSerial: control.hostPath,
      ioSerial: stream.hostPath,
      trace: isTracing(),
    };
    this.#link = this.#connect((client) => client.registerVM(vm, this.limits()));
    return this.#link;
  }

  /** The same for a guest that the proxy has already, as another pod's: it is this one's from then on. */
  takeOver(formerId: string): Promise<GuestLink> {
    const { pod, proxy } = this.#options;
    const spare = { formerId, url: proxy };
    this.#link = this.#attach({ containerId: pod, trace: isTracing(), spare });
    return this.#link;
  }

  /** The connection, unless it has been lost: then a new one. */
  async attached(): Promise<GuestLink> {
    const vm = { containerId: this.#options.pod, trace: isTracing() };
    const known = this.#link ??= this.#attach(vm);
    const link = await known;
    if (!link.client.isClosed) return link;
    // Commands that overlap find the loss together, and share what replaces it.
    if (this.#link === known) this.#link = this.#attach(vm);
    return await (this.#link ??= this.#attach(vm));
  }

  #attach(vm: AttachVM): Promise<GuestLink> {
    const attach = (client: ProxyClient) => client.attachVM(vm, this.limits());
    return this.#connect(attach, REACH_TIMEOUT);
  }

  async #connect(
    greet: (client: ProxyClient) => ReturnType<ProxyClient["attachVM"]>,
    timeout?: number,
  ): Promise<GuestLink> {
    const { proxy, maxMessage } = this.#options;
    try {
      const client = await ProxyClient.connect(proxy, {
        logger: this.#logger,
        ...(timeout === undefined ? {} : { timeout }),
        ...this.limits(),
      });
      using undo = new DisposableStack();
      undo.defer(() => client.close());
      using _span = trace("attach to the guest");
      const link = await describeLink(client, await greet(client), this.limits(), maxMessage);
      undo.move();
      return link;
    } catch (error) {
      this.#link = undefined;
      throw error;
    }
  }

  /** What ends commands of this connection. */
  limits(): { signal: AbortSignal } {
    const { signal } = this.#options;
    const closing = this.#closing.signal;
    return { signal: signal ? AbortSignal.any([signal, closing]) : closing };
  }

  close(): void {
    this.#closing.abort(new Error("Cannot reach the guest: the driver was closed"));
    this.#closing = new AbortController();
    this.#link?.then(({ client }) => client.close(), () => {});
    this.#link = undefined;
  }
}
