import { join } from "@std/path";
import type { GuestInterface, GuestRoute } from "../../hyperstart/mod.ts";
import type { EndpointRecord, LinkSnapshot, PhysicalRecord } from "../../network/mod.ts";
import { readRecord, writeRecord } from "../record_file.ts";
import type { PodDirectory } from "../store.ts";

/** What a pod has of networks, written before it is done: enough to undo it, and to tell of it. */
export interface NetworkRecord {
  version: 1;
  /** Somebody else's namespace; device and inode tell it from a later one at its path. */
  namespace: NamespacePlace | null;
  /** Those that QEMU plays the other end of are not among them. */
  cards: CardRecord[];
  /** Those that the guest was told of. */
  routes: GuestRoute[];
}

/** A network namespace, as it is found again. */
export interface NamespacePlace {
  path: string;
  device: number;
  inode: number;
}

/** A network card of the VM, connected or just being. */
export interface CardRecord {
  /** What the hypervisor knows it by. */
  id: string;
  /** Name of its interface. */
  name: string;
  place: CardPlace;
  /** What the guest is told of it; null: nothing, because it is not to have it, or not yet. */
  guest: GuestInterface | null;
}

/** Where a card's frames go, and what was changed for it. */
export type CardPlace =
  /** An interface of somebody else's namespace. */
  | { kind: "namespace"; endpoint: EndpointRecord }
  /** A card of the host, whose interface was in somebody else's namespace. */
  | PhysicalPlace
  /** A switch's socket: nothing is changed for it. */
  | { kind: "vhost-user"; socket: string }
  | BridgePort;

/** A card of the host that the VM has as a whole, and how its interface was. */
export interface PhysicalPlace {
  kind: "physical";
  card: PhysicalRecord;
  link: LinkSnapshot;
}

/** A pod's place at a bridge. The namespace in between is the pod's own, and ends with its VM's tap. */
export interface BridgePort {
  kind: "bridge";
  /** Name of the bridge. */
  name: string;
  /** Name of the link that is a port of it. */
  link: string;
  /** The pod's addresses, with prefix length. */
  addresses: string[];
}

/** The record of a pod that has nothing of networks. */
export const NO_NETWORK: Readonly<NetworkRecord> = {
  version: 1,
  namespace: null,
  cards: [],
  routes: [],
};

/** Where a pod's record is. */
export function networkRecordPath(directory: PodDirectory): string {
  return directory.file("network.json");
}

/** A pod's record; one without anything for a pod that has none. */
export async function readNetworkRecord(directory: PodDirectory): Promise<NetworkRecord> {
  const record = await readRecord<NetworkRecord>(networkRecordPath(directory));
  return record ?? NO_NETWORK;
}

/** Writes a pod's record, in place of an earlier one. */
export async function writeNetworkRecord(
  directory: PodDirectory,
  record: NetworkRecord,
): Promise<void> {
  await writeRecord(networkRecordPath(directory), record);
}

/** The addresses at a bridge that pods have, without prefix length. */
export async function addressesInUse(root: string, bridge: string): Promise<Set<string>> {
  const used = new Set<string>();
  for await (const { name } of Deno.readDir(join(root, "pods"))) {
    const record = await readRecord<NetworkRecord>(join(root, "pods", name, "network.json"));
    for (const { place } of record?.cards ?? []) {
      if (place.kind !== "bridge" || place.name !== bridge) continue;
      for (const address of place.addresses) used.add(address.replace(/\/.*/, ""));
    }
  }
  return used;
}
