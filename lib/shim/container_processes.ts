import {
  FEATURE_PROCESS_FILES,
  parseProcessFiles,
  PROCESS_FILES_FORMAT,
} from "../hyperstart/mod.ts";
import type { ProcessFiles, PsContainer } from "../hyperstart/mod.ts";
import { connectWithRetry, ProxyClient } from "../proxy/mod.ts";

/** A container, and the way to its guest. */
export interface ContainerPlace {
  /** The proxy's address. */
  url: string;
  pod: string;
  container: string;
}

/**
 * Asks a guest what its kernel tells of the processes of a container.
 *
 * @param timeout milliseconds in which it is to answer
 * @throws {Error} when proxy or guest do not answer, or the guest knows nothing of this
 */
export async function containerProcesses(
  { url, pod, container }: ContainerPlace,
  timeout: number,
): Promise<ProcessFiles> {
  const signal = AbortSignal.timeout(timeout);
  using client = new ProxyClient(await connectWithRetry(url, { signal }));
  const { guest } = await client.attachVM({ containerId: pod }, { signal });
  if (!guest?.features.includes(FEATURE_PROCESS_FILES)) {
    throw new Error("the guest does not tell of processes");
  }
  const request: PsContainer = { container, format: PROCESS_FILES_FORMAT, psargs: [] };
  return parseProcessFiles(await client.hyper("pscontainer", [], request, { signal }));
}
