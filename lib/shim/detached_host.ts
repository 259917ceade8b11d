import { messageOf } from "../failure.ts";
import { Fields } from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import { type HostingProxy, type ServedShim, type ShimHost, within } from "../proxy/mod.ts";
import { type DetachedOptions, serveDetached } from "./detached.ts";
import type { ShimResult } from "./shim.ts";

/** How long a process that has ended may take until that is told everywhere, in milliseconds. */
const GRACE = 500;

/** The processes in the background that a proxy serves itself: what would be a shim process each. */
export class DetachedHost implements ShimHost {
  readonly #proxy: HostingProxy;
  readonly #shims = new Map<string, HostedShim>();

  constructor(proxy: HostingProxy) {
    this.#proxy = proxy;
  }

  async serve(token: string, request: string): Promise<ServedShim> {
    const { life, ...options } = readRequest(request);
    const { container } = options;
    await this.release(container);
    const { url, connect } = this.#proxy;
    const dial = () => Promise.resolve(connect());
    const shim = new HostedShim({ ...options, url, dial, token, reconnectTimeout: 0 }, life);
    this.#shims.set(container, shim);
    shim.ended.then(() => {
      if (this.#shims.get(container) === shim) this.#shims.delete(container);
    });
    await shim.connected;
    return shim;
  }

  async release(container: string): Promise<void> {
    await this.#shims.get(container)?.release();
  }

  async close(): Promise<void> {
    const shims = [...this.#shims.values()];
    await Promise.all(shims.map((shim) => shim.close()));
  }
}

/** One of them. */
class HostedShim implements ServedShim {
  readonly container: string;
  /** Resolves when its streams arrive. @throws {Error} saying why they do not */
  readonly connected: Promise<void>;
  /** Resolves when nothing is left of it. */
  readonly ended: Promise<void>;
  readonly #abort = new AbortController();
  /** Who waits for the shim waits for the end of this. */
  readonly #life: Deno.FsFile;
  #lifeIsOver = false;

  /** @param life path of the pipe that is held open meanwhile: `makeLifePipe` of lib/sys @throws {Deno.errors} */
  constructor(options: DetachedOptions, life: string) {
    this.container = options.container;
    this.#life = Deno.openSync(life, { read: true, write: true });
    const connected = Promise.withResolvers<void>();
    this.connected = connected.promise;
    const served = serveDetached({
      ...options,
      onConnected: connected.resolve,
      signal: this.#abort.signal,
    });
    this.ended = this.#end(served, connected.reject);
  }

  async release(): Promise<void> {
    this.#abort.abort();
    // A disk that does not answer keeps what is being written to it, and nobody who waits for the shim.
    await within(this.ended, GRACE, () => "").catch(() => {});
    this.#closeLife();
  }

  /** The proxy ends: what is known of its process is still told. */
  async close(): Promise<void> {
    await within(this.ended, GRACE, () => "").catch(() => {});
    await this.release();
  }

  async #end(served: Promise<ShimResult>, refuse: (error: Error) => void): Promise<void> {
    try {
      const result = await served;
      if (result.kind === "lost") refuse(new Error(result.reason));
    } catch (error) {
      const { container } = this;
      getLogger("shim", { container }).error("process lost", { reason: messageOf(error) });
      refuse(new Error(messageOf(error)));
    } finally {
      this.#closeLife();
    }
  }

  #closeLife(): void {
    if (this.#lifeIsOver) return;
    this.#lifeIsOver = true;
    this.#life.close();
  }
}

/** What {@linkcode DetachedHost.serve} is asked for. */
export interface HostRequest
  extends
    Pick<DetachedOptions, "container" | "interactive" | "log">,
    Required<Pick<DetachedOptions, "pod" | "exit" | "attach">> {
  /** Path of a pipe that is held open as long as the process is served. */
  life: string;
}

/** @throws {MessageError} naming the key that is missing or wrong */
function readRequest(text: string): HostRequest {
  const fields = Fields.parse(new TextEncoder().encode(text), "serveshim");
  return {
    container: fields.name("container"),
    pod: fields.name("pod"),
    interactive: fields.boolean("interactive"),
    log: fields.name("log"),
    exit: fields.name("exit"),
    attach: fields.name("attach"),
    life: fields.name("life"),
  };
}
