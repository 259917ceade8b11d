import { messageOf } from "../failure.ts";
import { getLogger } from "../log.ts";
import { removeFile } from "../small_file.ts";
import { type Connection, connectionPair } from "./connection.ts";
import { DEFAULT_LIMITS, type ProxyLimits } from "./limits.ts";
import { Registry } from "./registry.ts";
import { ServerConnection } from "./server_connection.ts";
import { HostedShims, type ShimHostMaker } from "./shim_host.ts";

const log = getLogger("proxy");
/** Longest path of a Unix socket, in bytes (sockaddr_un less the terminating NUL). */
const MAX_SOCKET_PATH = 107;

/** How a proxy serves. */
export interface ProxyServerOptions {
  /** Path of the socket to listen on. */
  path: string;
  /** Serve one pod: take no new clients after UnregisterVM, and finish when its VM is gone too. Default true. */
  onePod?: boolean;
  limits?: Partial<ProxyLimits>;
  /** What serves shims that clients hand over. Default: nothing. */
  shimHost?: ShimHostMaker | undefined;
}

/**
 * A server of cc-proxy's protocol. It listens from the moment of its construction; the socket is for its owner alone.
 */
export class ProxyServer implements AsyncDisposable {
  readonly #listener: Deno.UnixListener;
  readonly #registry: Registry;
  readonly #limits: ProxyLimits;
  readonly #connections = new Map<ServerConnection, Promise<void>>();
  readonly #finished = Promise.withResolvers<void>();
  #listening = true;

  constructor({ path, onePod = true, limits, shimHost }: ProxyServerOptions) {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    const proxy = () => ({ url: this.url, connect: () => this.#connect() });
    const shims = new HostedShims(proxy, shimHost);
    this.#registry = new Registry(path, shims, this.#limits, (vm) => {
      if (!onePod) return;
      this.#stopListening();
      vm.lost.then(() => this.#finished.resolve());
    });
    this.#listener = listen(path);
    this.#accept();
  }

  /** Where it listens. */
  get url(): string {
    return this.#registry.url;
  }

  /** Where its socket is: with a VM that has waited it goes to the pod's directory. */
  get path(): string {
    return this.#registry.path;
  }

  /** Resolves when the guest of the first VM that is registered has answered. */
  get registered(): Promise<void> {
    return this.#registry.registered;
  }

  /** Resolves when a server of one pod has nothing left to do. */
  get finished(): Promise<void> {
    return this.#finished.promise;
  }

  /** Stops listening, lets go of every VM and closes every connection. */
  async close(): Promise<void> {
    this.#stopListening();
    this.#registry.close();
    const vms = [...this.#registry.vms.values()];
    for (const connection of this.#connections.keys()) connection.close();
    await Promise.all(vms.map((vm) => vm.lose("the proxy is closing")));
    await Promise.all(this.#connections.values());
    await this.#registry.shims.close();
    this.#registry.close();
    this.#finished.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #accept(): Promise<void> {
    while (this.#listening) {
      try {
        this.#serve(await this.#listener.accept());
      } catch (error) {
        if (!this.#listening) return;
        // Out of descriptors, most likely: without a pause this would spin.
        log.error("Cannot accept a connection", { error: messageOf(error) });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  /** A client within this process, which is told of a lost VM and not cut off before. */
  #connect(): Connection {
    const [there, here] = connectionPair();
    new ServerConnection(here, this.#registry, this.#limits).serve();
    return there;
  }

  #serve(accepted: Connection): void {
    const connection = new ServerConnection(accepted, this.#registry, this.#limits);
    const served = connection.serve().finally(() => this.#connections.delete(connection));
    this.#connections.set(connection, served);
  }

  #stopListening(): void {
    if (!this.#listening) return;
    this.#listening = false;
    this.#listener.close();
    removeFile(this.path);
  }
}

/** Listens on a socket that only its owner may use; one that a dead proxy left behind is replaced. */
function listen(path: string): Deno.UnixListener {
  const length = new TextEncoder().encode(path).length;
  if (length > MAX_SOCKET_PATH) {
    throw new Error(`socket path too long ${length} (max ${MAX_SOCKET_PATH})`);
  }
  Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")) || "/", { recursive: true, mode: 0o700 });
  try {
    if (!Deno.lstatSync(path).isSocket) {
      throw new Error(`Cannot listen on ${path}: there is a file that is no socket`);
    }
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const mask = Deno.umask(0o177);
  try {
    return Deno.listen({ transport: "unix", path });
  } finally {
    Deno.umask(mask);
  }
}
