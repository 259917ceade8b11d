import type { ProcessIdentity } from "../sys/mod.ts";
import type { PodConfig, PodRecord } from "./records.ts";
import type { PodDirectory, PodStore } from "./store.ts";
import { Undo } from "./undo.ts";

/**
 * Makes a new pod's directory and first record. The caller has the pod's lock.
 *
 * @param owner the process that the pod is to end with, if any
 * @throws {Failure} when there is a pod of that name; one that cannot be made is not there then
 */
export async function addPod(
  store: PodStore,
  id: string,
  config: PodConfig,
  owner: ProcessIdentity | null,
): Promise<{ directory: PodDirectory; record: PodRecord }> {
  const directory = await store.add(id);
  await using undo = new Undo({ pod: id });
  undo.defer("its directory", () => store.remove(id));
  const record: PodRecord = {
    version: 1,
    id,
    created: new Date().toISOString(),
    state: "ready",
    reason: null,
    owner,
    config,
    vm: null,
    proxy: null,
  };
  await store.writePod(record);
  undo.keep();
  return { directory, record };
}
