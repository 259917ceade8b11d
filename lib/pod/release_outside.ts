import { releaseNetwork } from "./network/release_network.ts";
import { releaseSockets } from "./sockets.ts";
import type { PodDirectory } from "./store.ts";

/**
 * Undoes what a pod has outside of its directory: its part in networks, and sockets that are elsewhere. Its VM has ended.
 * Doing it again changes nothing.
 */
export async function releaseOutside(directory: PodDirectory): Promise<void> {
  await releaseNetwork(directory);
  await releaseSockets(directory);
}
