import { isAlive } from "../sys/mod.ts";
import { killProcess } from "./end_process.ts";
import { releaseOutside } from "./release_outside.ts";
import { findPodProcesses } from "./find_processes.ts";
import type { PodStore } from "./store.ts";

/** A pod that was cleaned away, and what was left of it. */
export interface Leftover {
  pod: string;
  /** Processes that were still running. */
  processes: number[];
}

/**
 * Removes pods whose command has ended without removing them: killed, or crashed. Pods that have no command of their
 * own live until they are removed, and are left alone; so is a pod that a command is at work on.
 */
export async function collectGarbage(store: PodStore): Promise<Leftover[]> {
  const removed: Leftover[] = [];
  for (const id of await store.list()) {
    const lock = await store.tryLock(id);
    if (!lock) continue;
    using _lock = lock;
    if (!await isLeftover(store, id)) continue;
    removed.push({ pod: id, processes: await endPodProcesses(store, id) });
    await releaseOutside(store.directory(id));
    await store.remove(id);
  }
  return removed;
}

/** A pod's first record is written under the lock under which its directory is made. */
async function isLeftover(store: PodStore, id: string): Promise<boolean> {
  const record = await store.findPod(id);
  return record === undefined || record.owner !== null && !isAlive(record.owner);
}

async function endPodProcesses(store: PodStore, id: string): Promise<number[]> {
  const processes = await findPodProcesses(store.directory(id).path);
  await Promise.all(processes.map(killProcess));
  return processes.map(({ pid }) => pid);
}
