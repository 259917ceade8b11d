import { Failure } from "../../failure.ts";
import {
  addAddress,
  addLink,
  ADDRESS_FLAGS,
  addRoute,
  getLink,
  isNetlinkError,
  type Link,
  listAddresses,
  listNeighbours,
  NetlinkSocket,
  parsePrefix,
  setLink,
} from "../../network/mod.ts";
import { ENODEV, type Fd, newNetworkNamespace } from "../../sys/mod.ts";
import type { BridgeNetwork } from "../records.ts";
import type { PodDirectory } from "../store.ts";
import { freeAddress, isInNetwork } from "./free_address.ts";
import {
  addressesInUse,
  type BridgePort,
  type CardRecord,
  type NetworkRecord,
  writeNetworkRecord,
} from "./network_record.ts";

/** How a pod is to be on a bridge. */
export interface BridgeWish extends Pick<BridgeNetwork, "name" | "addresses" | "gateways"> {
  /** Name of the pod's interface. */
  interface: string;
  /** Whether the bridge is its gateway when none is given. */
  defaultGateway: boolean;
}

/** Name of the interface that a pod has from the start. */
export const INTERFACE = "eth0";

/** How a pod is on its bridge from the start. */
export function wishOf(config: BridgeNetwork): BridgeWish {
  return { ...config, interface: INTERFACE, defaultGateway: true };
}

/**
 * Makes an interface for a pod that is connected to a bridge of the host. The caller holds the lock of networks: until
 * the record is there, no other pod may look for a free address.
 *
 * @param before the pod's record, to which the place at the bridge is added and written before it is made
 * @param end where the interface is to be, and its hardware address. Default: a new namespace, and any address
 * @throws {Failure} when there is no such bridge, or no address is to be had on it
 */
export async function joinBridge(
  directory: PodDirectory,
  before: NetworkRecord,
  wish: BridgeWish,
  end?: { namespace: Fd; mac: string },
): Promise<{ namespace: Fd; port: BridgePort }> {
  using host = NetlinkSocket.open();
  const bridge = findBridge(host, wish.name);
  const { addresses, gateways } = await chooseAddresses(host, bridge, wish, directory.root);
  const link = `pv${crypto.randomUUID().replaceAll("-", "").slice(0, 10)}`;
  const port: BridgePort = { kind: "bridge", name: wish.name, link, addresses };
  const card: CardRecord = { id: link, name: wish.interface, place: port, guest: null };
  await writeNetworkRecord(directory, { ...before, cards: [...before.cards, card] });
  using made = new DisposableStack();
  const namespace = end?.namespace ?? made.use(newNetworkNamespace());
  const { mtu } = bridge;
  const peer = { name: wish.interface, mtu, namespace, ...end ? { mac: end.mac } : {} };
  addLink(host, { kind: "veth", name: link, mtu, peer });
  const outside = getLink(host, link);
  setLink(host, outside, { master: bridge.index, ipv6LinkLocal: "none" });
  setLink(host, outside, { up: true });
  furnish(namespace, wish.interface, addresses, gateways);
  made.move();
  return { namespace, port };
}

/** The bridge of a name. @throws {Failure} when there is none */
export function findBridge(socket: NetlinkSocket, name: string): Link {
  const refuse = (fact: string) =>
    new Failure(`Cannot connect the pod to the bridge ${name}: ${fact}`, {
      hint: "make one: ip link add NAME type bridge; ip link set NAME up",
    });
  let link: Link;
  try {
    link = getLink(socket, name);
  } catch (error) {
    if (isNetlinkError(error, ENODEV)) throw refuse("there is none of that name");
    throw error;
  }
  if (link.kind !== "bridge") throw refuse("it is something else");
  return link;
}

async function chooseAddresses(
  socket: NetlinkSocket,
  bridge: Link,
  wish: BridgeWish,
  root: string,
): Promise<{ addresses: string[]; gateways: string[] }> {
  const used = await addressesInUse(root, wish.name);
  const usable = listAddresses(socket).filter(({ link, address }) =>
    link === bridge.index && !address.startsWith("fe80:")
  );
  const own = [4, 6].flatMap((family) => {
    const found = usable.find((each) => each.family === family);
    return found ? [`${found.address}/${found.prefixLength}`] : [];
  });
  const addresses = wish.addresses.length > 0
    ? wish.addresses.map((each) => unused(each, used, wish.name))
    : own.map((each) => findFree(socket, bridge, each, used));
  if (addresses.length === 0) {
    throw new Failure(`Cannot choose an address on the bridge ${wish.name}: it has none itself`, {
      hint: "give the bridge addresses, or the pod with --ip",
    });
  }
  const gateways = addresses.flatMap((address) => {
    const host = own.map(withoutLength).find((each) => isInNetwork(each, address));
    const given = wish.gateways.find((each) => isSameFamily(each, address));
    return given ?? (wish.defaultGateway ? host : undefined) ?? [];
  });
  return { addresses, gateways };
}

function unused(address: string, used: ReadonlySet<string>, bridge: string): string {
  if (!used.has(withoutLength(address))) return address;
  throw new Failure(`Cannot give the pod ${address}: another pod on the bridge ${bridge} has it`);
}

/** Those that others have answered for are not free either. */
function findFree(
  socket: NetlinkSocket,
  bridge: Link,
  own: string,
  used: ReadonlySet<string>,
): string {
  const known = listNeighbours(socket).filter((each) => each.link === bridge.index && each.mac);
  const free = freeAddress(own, new Set([...used, ...known.map((each) => each.address)]));
  if (free !== undefined) return free;
  throw new Failure(
    `Cannot choose an address on the bridge ${bridge.name}: none of ${own} is free`,
  );
}

/** Gives the interface in the pod's namespace what the guest's is to have. The kernel keeps silent on it. */
function furnish(
  namespace: Fd,
  name: string,
  addresses: readonly string[],
  gateways: readonly string[],
): void {
  using socket = NetlinkSocket.open(namespace);
  const link = getLink(socket, name);
  setLink(socket, link, { ipv6LinkLocal: "none" });
  setLink(socket, link, { up: true });
  for (const each of addresses) {
    const { length } = parsePrefix(each);
    const flags = each.includes(":") ? { flags: ADDRESS_FLAGS.NODAD } : {};
    addAddress(socket, link, { address: withoutLength(each), prefixLength: length, ...flags });
  }
  for (const gateway of gateways) {
    const destination = gateway.includes(":") ? "::/0" : "0.0.0.0/0";
    addRoute(socket, { destination, hops: [{ link: link.index, gateway, onlink: true }] });
  }
}

function withoutLength(address: string): string {
  return address.replace(/\/.*/, "");
}

function isSameFamily(one: string, other: string): boolean {
  return one.includes(":") === other.includes(":");
}
