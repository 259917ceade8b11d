import type {
  ExecCommand,
  KillContainer,
  PsContainer,
  RemoveContainer,
  StartPod,
} from "../../hyperstart/mod.ts";
import { getLogger } from "../../log.ts";
import { ProxyClient } from "../../proxy/mod.ts";
import type { Agent, Command, GuestContainer, GuestPod, ProcessStreams } from "../agent.ts";
import { cutHostname } from "../hostname.ts";
import { containerMessage, processMessage } from "./messages.ts";

/** Tag by which the guest finds the shared directory. */
export const MOUNT_TAG = "hyperShared";

/** The largest guest message that cc-proxy lets through, with its 8-byte header. */
const MAX_MESSAGE = 10_240;
const MESSAGE_HEADER = 8;

/** What the driver is to talk to. */
export interface HyperstartOptions {
  pod: string;
  /** Address of the pod's proxy. */
  proxy: string;
  /** Sockets of the VM's two serial ports. */
  control: string;
  stream: string;
  /** Ends what is under way. */
  signal?: AbortSignal;
}

/**
 * The hyperstart driver: the pod's guest by way of its proxy, over one attached connection that is opened at the first
 * command and again after a loss.
 */
export class HyperstartAgent implements Agent {
  readonly #options: HyperstartOptions;
  readonly #logger;
  #client: Promise<ProxyClient> | undefined;

  constructor(options: HyperstartOptions) {
    this.#options = options;
    this.#logger = getLogger("hyper", { pod: options.pod });
  }

  async startPod(pod: GuestPod): Promise<void> {
    await this.#register();
    const hostname = cutHostname(pod.hostname);
    if (hostname !== pod.hostname) {
      this.#logger.warn("host name cut to what the kernel takes", { hostname });
    }
    const message: StartPod = {
      hostname,
      ...(pod.interfaces.length === 0 ? {} : { interfaces: pod.interfaces }),
      ...(pod.routes.length === 0 ? {} : { routes: pod.routes }),
      ...(pod.dns.length === 0 ? {} : { dns: pod.dns }),
      ...(pod.dnsSearch.length === 0 ? {} : { dnsSearch: pod.dnsSearch }),
      shareDir: MOUNT_TAG,
    };
    await this.#send("startpod", message);
  }

  async stopPod(): Promise<void> {
    await this.#send("destroypod");
    const client = await this.#attached();
    await client.unregisterVM(this.#options.pod, this.#limits());
    this.close();
  }

  async reserveStreams(): Promise<ProcessStreams> {
    const client = await this.#attached();
    const vm = { containerId: this.#options.pod, numIOStreams: 1 };
    const { url, tokens } = await client.attachVM(vm, this.#limits());
    return { url, token: tokens[0]! };
  }

  async startContainer(container: GuestContainer, token: string): Promise<void> {
    await this.#send("newcontainer", containerMessage(container), token);
  }

  async exec(container: string, command: Command, token: string): Promise<void> {
    const message: ExecCommand = { container, process: processMessage(command) };
    await this.#send("execcmd", message, token);
  }

  async killContainer(container: string, signal: number, all: boolean): Promise<void> {
    const message: KillContainer = { container, signal, allProcesses: all };
    await this.#send("killcontainer", message);
  }

  async removeContainer(container: string): Promise<void> {
    const message: RemoveContainer = { container };
    await this.#send("removecontainer", message);
  }

  async listProcesses(
    container: string,
    format: "json" | "table",
    args: string[],
  ): Promise<string> {
    const message: PsContainer = { container, format, psargs: args };
    return new TextDecoder().decode(await this.#send("pscontainer", message));
  }

  close(): void {
    this.#client?.then((client) => client.close(), () => {});
    this.#client = undefined;
  }

  async #send(name: string, message?: object, token?: string): Promise<Uint8Array> {
    if (message) checkSize(name, message);
    const client = await this.#attached();
    return await client.hyper(name, token === undefined ? [] : [token], message, this.#limits());
  }

  /** Makes the proxy wait for the guest; the connection is attached to the VM from then on. */
  async #register(): Promise<void> {
    const { pod, control, stream } = this.#options;
    this.#client = this.#connect(async (client) => {
      const vm = { containerId: pod, ctlSerial: control, ioSerial: stream };
      await client.registerVM(vm, this.#limits());
    });
    await this.#client;
  }

  #attached(): Promise<ProxyClient> {
    this.#client ??= this.#connect(async (client) => {
      await client.attachVM({ containerId: this.#options.pod }, this.#limits());
    });
    return this.#client;
  }

  async #connect(greet: (client: ProxyClient) => Promise<void>): Promise<ProxyClient> {
    const client = await ProxyClient.connect(this.#options.proxy, {
      logger: this.#logger,
      ...this.#limits(),
    });
    try {
      await greet(client);
      return client;
    } catch (error) {
      client.close();
      this.#client = undefined;
      throw error;
    }
  }

  #limits(): { signal?: AbortSignal } {
    const { signal } = this.#options;
    return signal ? { signal } : {};
  }
}

/** The original proxies refuse a longer message, and one that they refuse wedges their control channel. */
function checkSize(name: string, message: object): void {
  const size = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
  const total = size(message) + MESSAGE_HEADER;
  if (total <= MAX_MESSAGE) return;
  const parts = Object.entries(message)
    .map(([key, value]) => ({ key, bytes: size(value) }))
    .sort((a, b) => b.bytes - a.bytes)
    .slice(0, 3)
    .map(({ key, bytes }) => `${key} ${bytes}`);
  throw new Error(
    `Cannot send ${name} to the guest: it has ${total} bytes, ${MAX_MESSAGE} are the most ` +
      `(${parts.join(", ")})`,
  );
}
