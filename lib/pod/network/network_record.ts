import { join } from "@std/path";
import { getLogger } from "../../log.ts";
import type { EndpointRecord } from "../../network/mod.ts";
import type { PodDirectory } from "../store.ts";
import { readRecord, writeRecord } from "../record_file.ts";

/** What a pod has of a network, written before it is done: enough to undo it. */
export interface NetworkRecord {
  version: 1;
  /** Somebody else's namespace; device and inode tell it from a later one at its path. */
  namespace: { path: string; device: number; inode: number } | null;
  /** What has been changed in it. */
  endpoints: EndpointRecord[];
  /** A namespace of the pod's own ends with its VM; this is what it has outside. */
  bridge: BridgePort | null;
}

/** A pod's place at a bridge. */
export interface BridgePort {
  /** Name of the bridge. */
  name: string;
  /** Name of the link that is a port of it. */
  link: string;
  /** The pod's addresses, with prefix length. */
  addresses: string[];
}

function fileOf(directory: PodDirectory): string {
  return directory.file("network.json");
}

/** Writes a pod's record, in place of an earlier one. */
export async function writeNetworkRecord(
  directory: PodDirectory,
  record: NetworkRecord,
): Promise<void> {
  await writeRecord(fileOf(directory), record);
}

/** The addresses at a bridge that pods have, without prefix length. */
export async function addressesInUse(root: string, bridge: string): Promise<Set<string>> {
  const used = new Set<string>();
  for await (const { name } of Deno.readDir(join(root, "pods"))) {
    const record = await readRecord<NetworkRecord>(join(root, "pods", name, "network.json"));
    if (record?.bridge?.name !== bridge) continue;
    for (const address of record.bridge.addresses) used.add(address.replace(/\/.*/, ""));
  }
  return used;
}

/**
 * Undoes all that a pod's VM was given of a network; the VM has ended. Doing it again changes nothing. What cannot be
 * undone is told in the log.
 */
export async function releaseNetwork(directory: PodDirectory): Promise<void> {
  const record = await readRecord<NetworkRecord>(fileOf(directory));
  if (!record) return;
  try {
    const { disconnect } = await import("./disconnect.ts");
    disconnect(record);
  } catch (error) {
    getLogger("pod", { pod: directory.id }).warn("the network is not as it was", { error });
  }
  await Deno.remove(fileOf(directory));
}
