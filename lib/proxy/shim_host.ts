import type { Connection } from "./connection.ts";

/** A container whose streams a {@linkcode ShimHost} carries. */
export interface ServedShim {
  container: string;
  /** Lets go of it, as if a process that carries them were killed. Does nothing once its process has ended. */
  release(): Promise<void>;
}

/** What a proxy has its shims served by, within its own process. It is the shim's room's, which knows this one. */
export interface ShimHost {
  /**
   * Carries a process's streams until it has ended or is released; what is there of that container is released first.
   * Resolves once the token is claimed.
   *
   * @param request JSON, as `hostShim` of the shim's room sends it
   * @throws {Error} when the token is refused, or one of its files cannot be opened
   */
  serve(token: string, request: string): Promise<ServedShim>;
  /** Releases what there is of a container, if there is anything. */
  release(container: string): Promise<void>;
  /** Waits a moment for those whose processes have ended, and lets go of the others. */
  close(): Promise<void>;
}

/** The proxy that a {@linkcode ShimHost} works for. */
export interface HostingProxy {
  url: string;
  /** Connects to it within this process. */
  connect(): Connection;
}

/** Makes a {@linkcode ShimHost} when it is first needed. */
export type ShimHostMaker = (proxy: HostingProxy) => Promise<ShimHost>;

/**
 * Names under which the built-in proxy is told of shims that it is to serve itself; no guest's command has them. A shim
 * is served for the client that has asked for it, and ends with the client's connection, until it is kept.
 */
export const ShimCommand = {
  serve: "serveshim",
  keep: "keepshim",
  release: "releaseshim",
} as const;

/** The shims that a proxy serves itself, from the first that it is asked for. */
export class HostedShims {
  readonly #proxy: () => HostingProxy;
  readonly #make: ShimHostMaker | undefined;
  #host: Promise<ShimHost> | undefined;

  /** @param proxy asked when the first is to be served: until then its socket may move */
  constructor(proxy: () => HostingProxy, make: ShimHostMaker | undefined) {
    this.#proxy = proxy;
    this.#make = make;
  }

  /** See {@linkcode ShimHost.serve}. */
  async serve(token: string, request: string): Promise<ServedShim> {
    if (!this.#make) throw new Error("this proxy serves no shims");
    return await (await (this.#host ??= this.#make(this.#proxy()))).serve(token, request);
  }

  async release(container: string): Promise<void> {
    await (await this.#host)?.release(container);
  }

  async close(): Promise<void> {
    await (await this.#host)?.close();
  }
}
