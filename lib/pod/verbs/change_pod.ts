import { type LoadedPod, loadPod } from "../load_pod.ts";
import type { PodStore } from "../store.ts";

/**
 * Does something to a pod while no other command does: under its lock, on its records as they truly are, which are
 * written down first if they had to be set right.
 *
 * @throws {Failure} when there is no such pod
 */
export async function changePod<T>(
  store: PodStore,
  id: string,
  change: (loaded: LoadedPod) => Promise<T>,
): Promise<T> {
  using _lock = await store.lock(id, "exclusive");
  const loaded = await loadPod(store, id);
  await store.writePod(loaded.pod);
  for (const container of loaded.containers) await store.writeContainer(container);
  return await change(loaded);
}
