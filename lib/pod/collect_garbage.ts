import { isAlive, killProcess } from "../sys/mod.ts";
import { findPodProcesses } from "./find_processes.ts";
import { loadPod } from "./load_pod.ts";
import { releaseOutside } from "./release_outside.ts";
import type { PodStore } from "./store.ts";

/** What was cleaned away of a pod. */
export interface Leftover {
  pod: string;
  /** Whether the pod itself is gone; one that lives until it is removed is still there. */
  removed: boolean;
  /** Processes that were still running. */
  processes: number[];
}

/**
 * Removes pods whose command has ended without removing them: killed, or crashed. Pods that have no command of their
 * own live until they are removed; what still runs of one that has stopped is ended. A pod that a command is at work on
 * is left alone.
 */
export async function collectGarbage(store: PodStore): Promise<Leftover[]> {
  const found: Leftover[] = [];
  for (const pod of await store.list()) {
    const lock = store.tryLock(pod);
    if (!lock) continue;
    using _lock = lock;
    const removed = await isLeftover(store, pod);
    if (!removed && (await loadPod(store, pod)).pod.state !== "stopped") continue;
    const processes = await endPodProcesses(store, pod);
    await releaseOutside(store.directory(pod));
    if (removed) await store.remove(pod);
    if (removed || processes.length > 0) found.push({ pod, removed, processes });
  }
  await store.removeSpareLocks();
  return found;
}

/** A pod's first record is written under the lock under which its directory is made. */
async function isLeftover(store: PodStore, id: string): Promise<boolean> {
  const record = await store.findPod(id);
  return record === undefined || record.owner !== null && !isAlive(record.owner);
}

async function endPodProcesses(store: PodStore, id: string): Promise<number[]> {
  const processes = findPodProcesses(store.directory(id).path);
  await Promise.all(processes.map(killProcess));
  return processes.map(({ pid }) => pid);
}
