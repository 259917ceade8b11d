import { getLogger, keepLog } from "../../log.ts";
import { POD_LOGS } from "../pod_logs.ts";
import { killProcess } from "../end_process.ts";
import { findPodProcesses } from "../find_processes.ts";
import { releaseOutside } from "../release_outside.ts";
import { type LoadedPod, loadPod } from "../load_pod.ts";
import type { PodStore } from "../store.ts";

/**
 * Does something to a pod while no other command does: under its lock, on its records as they truly are. Of a pod that
 * turns out to have stopped by itself, what still runs is ended first.
 *
 * @throws {Failure} when there is no such pod
 */
export async function changePod<T>(
  store: PodStore,
  id: string,
  change: (loaded: LoadedPod) => Promise<T>,
): Promise<T> {
  using _lock = await store.lock(id, "exclusive");
  const { state } = await store.readPod(id);
  const loaded = await loadPod(store, id);
  if (loaded.pod.state !== state) {
    const rest = findPodProcesses(loaded.directory.path);
    await Promise.all(rest.map(killProcess));
    await releaseOutside(loaded.directory);
  }
  await store.writePod(loaded.pod);
  for (const container of loaded.containers) await store.writeContainer(container);
  keepLog(loaded.directory.file(POD_LOGS.command));
  const result = await change(loaded);
  await logChanges(store, loaded);
  return result;
}

/** Tells which of the pod and its containers have come to another state. */
async function logChanges(store: PodStore, { pod, containers }: LoadedPod): Promise<void> {
  const log = getLogger("pod", { pod: pod.id });
  const now = await store.readPod(pod.id);
  if (now.state !== pod.state) log.info(`pod is ${now.state}`);
  const before = new Map(containers.map(({ id, state }) => [id, state]));
  for (const { id, state } of await store.readContainers(pod.id)) {
    if (before.get(id) !== state) log.info(`container is ${state}`, { container: id });
    before.delete(id);
  }
  for (const id of before.keys()) log.info("container is removed", { container: id });
}
