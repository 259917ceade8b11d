import { Failure } from "../../failure.ts";
import { killProcess } from "../end_process.ts";
import { findPodProcesses } from "../find_processes.ts";
import { releaseOutside } from "../release_outside.ts";
import { loadPod } from "../load_pod.ts";
import type { PodTools } from "../tools.ts";
import { endParts } from "./stop_pod.ts";

/**
 * Removes a pod with everything that it has.
 *
 * @param force stop it first, and remove it even when its records cannot be read
 * @throws {Failure} when there is no such pod, or it is running and `force` is not given
 */
export async function removePod(tools: PodTools, id: string, force: boolean): Promise<void> {
  await removeLocked(tools, id, force);
  await tools.store.removeLock(id);
}

async function removeLocked(tools: PodTools, id: string, force: boolean): Promise<void> {
  const { store } = tools;
  using _lock = await store.lock(id, "exclusive");
  const loaded = await loadPod(store, id).catch(async (error) => {
    if (force && await store.has(id)) return undefined;
    throw error;
  });
  if (loaded && loaded.pod.state !== "stopped") {
    const { state } = loaded.pod;
    if (state === "running" && !force) {
      throw new Failure(`Cannot remove the pod ${id}: it is ${state}`, {
        hint: `Stop it first, or use --force: podvisor pod stop ${id}`,
      });
    }
    await endParts(tools, loaded);
  }
  const strays = findPodProcesses(store.directory(id).path);
  await Promise.all(strays.map(killProcess));
  await releaseOutside(store.directory(id));
  await store.remove(id);
}
