import { AF_INET6, cString, pause } from "../../sys/mod.ts";
import { addressBytes, addressFamily, broadcastOf, macBytes, prefixLength } from "./address.ts";
import { messageOf } from "./error_frame.ts";
import { exists, writeFile } from "./guest_files.ts";
import { indexOf, NET, read } from "./interface_files.ts";
import { loadModules } from "./modules.ts";
import { note } from "./note.ts";
import { addRoutes } from "./routes.ts";
import { type InterfaceSpec, Refusal, type RouteSpec } from "./runtime.ts";
import { NetworkChanges, RTM_DELADDR, RTM_NEWADDR, RTM_SETLINK } from "./rtnetlink.ts";

/** linux/if.h, linux/if_link.h, linux/if_addr.h */
const IFF_UP = 1;
const IFLA_ADDRESS = 1, IFLA_IFNAME = 3, IFLA_MTU = 4, IFLA_AF_SPEC = 26;
/** linux/if_link.h: how the kernel makes addresses of its own, and the ways "not at all" and "of the hardware address" */
const IFLA_INET6_ADDR_GEN_MODE = 8, ADDR_GEN_NONE = 1, ADDR_GEN_EUI64 = 0;
const IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_BROADCAST = 4, IFA_F_NODAD = 2;

const LOOPBACK = 1;
/** How long a card that has just been plugged in may take to appear, and the pause between two looks, in milliseconds. */
const PATIENCE = 10_000, PAUSE = 20;

/** Where the kernel's settings of IPv6 are: Documentation/networking/ip-sysctl.rst. */
const IPV6 = "/proc/sys/net/ipv6/conf";

/** A network interface of this machine. */
interface Interface {
  index: number;
  name: string;
}

/** An interface whose card has another hardware address than it was made with, and what it was given. */
interface Borrowed extends Interface {
  cardAddr: string;
  /** Bytes; 0: as the kernel chose. */
  mtu: number;
  addresses: InterfaceSpec["ipAddresses"];
}

/** By the addresses that their cards were made with. They stay where they are: they need not be looked for again. */
const borrowed = new Map<string, Borrowed>();

/** Those whose link-local address is still to come. */
const waiting = new Set<Borrowed>();
/** Whether {@linkcode rehearse} has been called. */
let rehearsed = false;

/** Brings lo up. @throws when the kernel refuses */
export function bringUpLoopback(): void {
  const changes = new NetworkChanges();
  beginLink(changes, "bring up lo", LOOPBACK, IFF_UP);
  changes.make();
}

/**
 * Sets up interfaces, then routes, as STARTPOD has them; {@linkcode giveLinkLocals} is to be called a little later.
 *
 * @throws naming one that failed
 */
export async function configureNetwork(
  interfaces: readonly InterfaceSpec[],
  routes: readonly RouteSpec[],
): Promise<void> {
  if (interfaces.length === 0 && routes.length === 0) return;
  const changes = new NetworkChanges();
  const found: Interface[] = [];
  for (const each of interfaces) found.push(await addInterface(changes, each));
  addRoutes(changes, routes, (name) => {
    for (const each of found) if (each.name === name) return each.index;
    return indexOf(name);
  });
  changes.make();
}

/**
 * Gives a network interface its name, hardware address, size of packets and addresses, and brings it up. It is found by
 * the address of its card, or else by its name, and waited for.
 *
 * @throws {Refusal} when there is none, or an address is wrong
 */
export async function setInterface(wanted: InterfaceSpec): Promise<void> {
  const changes = new NetworkChanges();
  await addInterface(changes, wanted);
  changes.make();
  giveLinkLocals();
}

/** Makes interfaces like new for the next pod whose cards are to be. */
export async function clearNetwork(): Promise<void> {
  waiting.clear();
  for (const each of borrowed.values()) {
    try {
      makeLikeNew(each);
      if (!rehearsed) await rehearse(each);
    } catch (error) {
      // It may have been taken out.
      note(`cannot clear the network: ${messageOf(error)}`);
      borrowed.delete(each.cardAddr);
    }
  }
}

/**
 * It is up, which takes the kernel long, with the hardware address that its card was made with, and without any other:
 * nothing is sent from it.
 */
function makeLikeNew({ cardAddr, index, name, addresses }: Borrowed): void {
  const changes = new NetworkChanges();
  // With it go the addresses of IPv6.
  beginLink(changes, `take down ${name}`, index, 0);
  for (const { ipAddress, netMask } of addresses.splice(0)) {
    const bytes = addressBytes(ipAddress);
    if (bytes.length === 4) addAddress(changes, RTM_DELADDR, index, bytes, netMask);
  }
  if (exists(IPV6)) {
    beginLink(changes, `addresses of ${name}`, index).nest(IFLA_AF_SPEC, () => {
      changes.nest(AF_INET6, () => {
        changes.attribute(IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(ADDR_GEN_NONE));
      });
    });
  }
  beginLink(changes, `bring up ${name}`, index, IFF_UP).attribute(IFLA_ADDRESS, macBytes(cardAddr));
  changes.make();
}

/** Does once with an interface what is done for a pod: in a restored machine V8 need not compile it then. */
async function rehearse(own: Borrowed): Promise<void> {
  rehearsed = true;
  const { cardAddr, name: newDeviceName, mtu } = own;
  const ipAddresses = [{ ipAddress: "192.0.2.2", netMask: "24" }];
  const spec = { device: "", newDeviceName, ipAddresses, mtu, macAddr: cardAddr, cardAddr };
  await configureNetwork([spec], []);
  waiting.clear();
  makeLikeNew(borrowed.get(cardAddr)!);
}

/** Adds to changes what an interface needs. @returns what it is called then */
async function addInterface(changes: NetworkChanges, wanted: InterfaceSpec): Promise<Interface> {
  const { newDeviceName, mtu, macAddr, cardAddr, ipAddresses } = wanted;
  const known = borrowed.get(cardAddr);
  if (!known) changes.make();
  const { index, name: found } = known ?? await findInterface(wanted);
  const name = newDeviceName === "" ? found : newDeviceName;
  const isRenamed = name !== found;
  if (isRenamed) makeRoom(changes, name);
  // Only one that is down can have another name.
  if (known && isRenamed) beginLink(changes, `take down ${found}`, index, 0);
  // Up before it has addresses: the kernel makes the routes that belong to them once then.
  const flags = known && !isRenamed ? undefined : IFF_UP;
  beginLink(changes, `bring up ${found} with mtu ${mtu}`, index, flags);
  if (cardAddr !== "") changes.attribute(IFLA_ADDRESS, macBytes(macAddr));
  if (mtu > 0 && mtu !== known?.mtu) changes.number(IFLA_MTU, mtu);
  if (isRenamed) changes.attribute(IFLA_IFNAME, cString(name));
  const own: Borrowed = { index, name, cardAddr, mtu, addresses: [] };
  if (cardAddr !== "") borrowed.set(cardAddr, own);
  for (const address of ipAddresses) if (address.ipAddress !== "") own.addresses.push(address);
  if (cardAddr !== "") giveLinkLocal(changes, own);
  for (const { ipAddress, netMask } of own.addresses) {
    addAddress(changes, RTM_NEWADDR, index, addressBytes(ipAddress), netMask, ipAddress);
  }
  return own;
}

/**
 * Has the kernel give an interface that was up before its link-local address, and with it those that routers announce:
 * in its turn where IPv6 is in use, and else later. That takes code that runs for nothing else in a pod.
 */
function giveLinkLocal(changes: NetworkChanges, own: Borrowed): void {
  for (const { ipAddress } of own.addresses) {
    if (!ipAddress.includes(":")) continue;
    changes.make();
    return generateAddresses(own);
  }
  waiting.add(own);
}

/** Has the kernel give interfaces the link-local addresses that they still wait for. */
export function giveLinkLocals(): void {
  for (const each of waiting) generateAddresses(each);
  waiting.clear();
}

function generateAddresses({ name }: Borrowed): void {
  try {
    // The kernel makes them when this is written, and would not for a message.
    if (exists(`${IPV6}/${name}`)) writeFile(`${IPV6}/${name}/addr_gen_mode`, `${ADDR_GEN_EUI64}`);
  } catch (error) {
    note(`cannot give ${name} its link-local address: ${messageOf(error)}`);
  }
}

/** @param text what the address is called in an error */
function addAddress(
  changes: NetworkChanges,
  type: number,
  index: number,
  bytes: Uint8Array,
  netMask: string,
  text = "",
): void {
  const length = prefixLength(netMask, bytes.length * 8);
  const isV4 = bytes.length === 4;
  // struct ifaddrmsg. Nobody else has the address: it was in use on the host's side of this interface.
  changes.begin(`address ${text}`, type)
    .u8(addressFamily(bytes)).u8(length).u8(isV4 ? 0 : IFA_F_NODAD).u8(0).u32(index)
    .attribute(IFA_LOCAL, bytes)
    .attribute(IFA_ADDRESS, bytes);
  if (isV4 && length < 31) changes.attribute(IFA_BROADCAST, broadcastOf(bytes, length));
}

/** Another interface that has the name gets out of the way: it is waiting for its own, or nobody's. */
function makeRoom(changes: NetworkChanges, name: string): void {
  const index = Number(read(name, "ifindex"));
  if (index === 0) return;
  beginLink(changes, `rename ${name}`, index).attribute(IFLA_IFNAME, cString(`pvold${index}`));
}

/**
 * Begins a change of a link. The kernel gives it its address, size and name before it goes up (net/core/rtnetlink.c,
 * do_setlink).
 *
 * @param flags IFF_UP, or 0 for down; absent: as it is
 */
function beginLink(
  changes: NetworkChanges,
  what: string,
  index: number,
  flags?: number,
): NetworkChanges {
  // struct ifinfomsg: family, type, index, flags, which of them change.
  changes.begin(what, RTM_SETLINK).u32(0).u32(index);
  return flags === undefined ? changes.u32(0).u32(0) : changes.u32(flags).u32(IFF_UP);
}

async function findInterface(wanted: InterfaceSpec): Promise<Interface> {
  loadModules("net");
  const { macAddr, cardAddr, device, newDeviceName } = wanted;
  const mac = (cardAddr === "" ? macAddr : cardAddr).toLowerCase();
  const named = device === "" ? newDeviceName : device;
  const matches = (name: string) => mac === "" ? name === named : read(name, "address") === mac;
  for (let waited = 0;; waited += PAUSE) {
    const found = [...Deno.readDirSync(NET)].find(({ name }) => matches(name));
    if (found) return { index: indexOf(found.name), name: found.name };
    if (waited >= PATIENCE) throw new Refusal(`no network interface ${mac === "" ? named : mac}`);
    await pause(PAUSE);
  }
}
