import { getLogger } from "../../log.ts";
import { readRecord } from "../record_file.ts";
import type { PodDirectory } from "../store.ts";
import { type NetworkRecord, networkRecordPath } from "./network_record.ts";

/**
 * Undoes all that a pod's VM was given of networks; the VM has ended. Doing it again changes nothing. What cannot be
 * undone is told in the log.
 */
export async function releaseNetwork(directory: PodDirectory): Promise<void> {
  const path = networkRecordPath(directory);
  const record = await readRecord<NetworkRecord>(path);
  if (!record) return;
  try {
    // Pods that have no use for it do not pay for loading it.
    if (record.cards.length > 0) {
      const { disconnect } = await import("./disconnect.ts");
      await disconnect(record);
    }
  } catch (error) {
    getLogger("pod", { pod: directory.id }).warn("the network is not as it was", { error });
  }
  Deno.removeSync(path);
}
