import type { GuestInterface, GuestRoute } from "../../hyperstart/mod.ts";
import type { PodConfig } from "../records.ts";
import type { NetworkRecord } from "./network_record.ts";
import { userNetwork } from "./user_network.ts";

/** A pod's network, to be told of. */
export interface NetworkView {
  interfaces: InterfaceView[];
  /** Those that the pod was told of; its kernel adds what belongs to addresses. */
  routes: GuestRoute[];
}

/** An interface of a pod. */
export interface InterfaceView {
  name: string;
  mac: string;
  /** Bytes. */
  mtu: number;
  /** With prefix length. */
  addresses: string[];
  /** Where it leads to, in the words of `--network`. */
  network: string;
}

/** What a pod has of networks, from its record. */
export function describeNetwork({ network }: PodConfig, record: NetworkRecord): NetworkView {
  const own = network.kind === "user" ? userNetwork() : { interfaces: [], routes: [] };
  const cards = record.cards.flatMap(({ guest, place }) =>
    guest
      ? [view(guest, place.kind === "bridge" ? `bridge:${place.name}` : inNamespace(record))]
      : []
  );
  return {
    interfaces: [...own.interfaces.map((each) => view(each, "user")), ...cards],
    routes: [...own.routes, ...record.routes],
  };
}

/** Names that interfaces of a pod have. */
export function interfaceNames(config: PodConfig, record: NetworkRecord): string[] {
  const view = describeNetwork(config, record);
  return [...view.interfaces.map(({ name }) => name), ...record.cards.map(({ name }) => name)];
}

function inNamespace({ namespace }: NetworkRecord): string {
  return `netns:${namespace?.path ?? ""}`;
}

function view(guest: GuestInterface, network: string): InterfaceView {
  const { newDeviceName = "", macAddr, mtu, ipAddresses } = guest;
  const addresses = ipAddresses.map(({ ipAddress, netMask }) => `${ipAddress}/${netMask}`);
  return { name: newDeviceName, mac: macAddr, mtu, addresses, network };
}
