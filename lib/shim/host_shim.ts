import { ProxyClient, ShimCommand } from "../proxy/mod.ts";
import type { HostRequest } from "./detached_host.ts";

/** Milliseconds in which a proxy takes a shim, or lets go of one. */
const PATIENCE = 10_000;

/** A shim that a pod's proxy serves. Until it is kept, it ends when this is disposed of, or this process ends. */
export interface HandedShim extends Disposable {
  keep(): Promise<void>;
  /** Ends it; resolves when its token is free again. */
  release(): Promise<void>;
}

/** Which process a proxy is to serve, and how. */
export interface HostShimOptions extends HostRequest {
  /** The proxy's address: the built-in one. */
  url: string;
  token: string;
}

/**
 * Has a pod's proxy serve a process that runs in the background within its own process.
 *
 * @throws {ProxyError} with the proxy's reason, when it does not
 */
export async function hostShim(
  { url, token, container, pod, interactive, log, exit, attach, life }: HostShimOptions,
): Promise<HandedShim> {
  const request: HostRequest = { container, pod, interactive, log, exit, attach, life };
  const client = await attachedClient(url, pod);
  const limits = { timeout: PATIENCE };
  try {
    await client.hyper(ShimCommand.serve, [token], request, limits);
  } catch (error) {
    client.close();
    throw error;
  }
  const end = async (name: string) => {
    await client.hyper(name, [], { container }, limits);
    client.close();
  };
  return {
    keep: () => end(ShimCommand.keep),
    release: () => end(ShimCommand.release),
    [Symbol.dispose]: () => client.close(),
  };
}

/**
 * Has a pod's proxy let go of a container that it serves: of a process that still runs that is the end.
 *
 * @throws {Error} when the proxy does not answer, or has no such pod any more
 */
export async function releaseShim(url: string, pod: string, container: string): Promise<void> {
  using client = await attachedClient(url, pod);
  await client.hyper(ShimCommand.release, [], { container }, { timeout: PATIENCE });
}

async function attachedClient(url: string, pod: string): Promise<ProxyClient> {
  const client = await ProxyClient.connect(url, { timeout: 0 });
  try {
    await client.attachVM({ containerId: pod }, { timeout: PATIENCE });
    return client;
  } catch (error) {
    client.close();
    throw error;
  }
}
