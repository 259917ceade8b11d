import { getLogger, keepLog } from "../../log.ts";
import { killProcesses } from "../../sys/mod.ts";
import { POD_LOGS } from "../pod_logs.ts";
import { findPodProcesses } from "../find_processes.ts";
import { releaseOutside } from "../release_outside.ts";
import { type LoadedPod, setRight } from "../load_pod.ts";
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
  const pod = await store.readPod(id);
  const containers = await store.readContainers(id);
  const loaded = await setRight(store.directory(id), pod, containers);
  if (loaded.pod !== pod) {
    const rest = findPodProcesses(loaded.directory.path);
    await killProcesses(rest);
    await releaseOutside(loaded.directory);
    await store.writePod(loaded.pod);
  }
  for (const [at, container] of loaded.containers.entries()) {
    if (container !== containers[at]) await store.writeContainer(container);
  }
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
