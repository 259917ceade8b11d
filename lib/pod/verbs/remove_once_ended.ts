import { Failure } from "../../failure.ts";
import { killProcesses, type ProcessIdentity } from "../../sys/mod.ts";
import { findPodProcesses } from "../find_processes.ts";
import { type LoadedPod, loadPod } from "../load_pod.ts";
import { releaseOutside } from "../release_outside.ts";
import type { PodStore } from "../store.ts";

/**
 * Removes a pod with everything that it has.
 *
 * @param force also one that is running, and even when its records cannot be read
 * @param end ends the VM and the proxy of one that has not stopped
 * @throws {Failure} when there is no such pod, or it is running and `force` is not given
 */
export async function removeOnceEnded(
  store: PodStore,
  id: string,
  force: boolean,
  end: (loaded: LoadedPod) => Promise<void>,
): Promise<void> {
  await removeLocked(store, id, force, end);
  store.removeLock(id);
}

async function removeLocked(
  store: PodStore,
  id: string,
  force: boolean,
  end: (loaded: LoadedPod) => Promise<void>,
): Promise<void> {
  using _lock = await store.lock(id, "exclusive");
  const loaded = await loadPod(store, id).catch(async (error) => {
    if (force && await store.has(id)) return undefined;
    throw error;
  });
  let ended: Promise<void> | undefined;
  if (loaded && loaded.pod.state !== "stopped") {
    const { state } = loaded.pod;
    if (state === "running" && !force) {
      throw new Failure(`Cannot remove the pod ${id}: it is ${state}`, {
        hint: `Stop it first, or use --force: podvisor pod stop ${id}`,
      });
    }
    ended = end(loaded);
  }
  let strays: ProcessIdentity[] = [];
  try {
    // Meanwhile: those that are just being ended are among them, and gone then.
    strays = findPodProcesses(store.directory(id).path);
  } finally {
    await ended;
  }
  await killProcesses(strays);
  await releaseOutside(store.directory(id));
  await store.remove(id);
}
