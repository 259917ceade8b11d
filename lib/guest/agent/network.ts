import { cString, pause } from "../../sys/mod.ts";
import { addressBytes, addressFamily, broadcastOf, macBytes, prefixLength } from "./address.ts";
import { indexOf, NET, read } from "./interface_files.ts";
import { loadModules } from "./modules.ts";
import { note } from "./note.ts";
import { addRoutes } from "./routes.ts";
import { type InterfaceSpec, Refusal, type RouteSpec } from "./runtime.ts";
import { NetworkChanges, RTM_DELADDR, RTM_NEWADDR, RTM_SETLINK } from "./rtnetlink.ts";

/** linux/if.h, linux/if_link.h, linux/if_addr.h */
const IFF_UP = 1;
const IFLA_ADDRESS = 1, IFLA_IFNAME = 3, IFLA_MTU = 4;
const IFA_ADDRESS = 1, IFA_LOCAL = 2, IFA_BROADCAST = 4, IFA_F_NODAD = 2;

const LOOPBACK = 1;
/** How long a card that has just been plugged in may take to appear, and the pause between two looks, in milliseconds. */
const PATIENCE = 10_000, PAUSE = 20;

/** A network interface of this machine. */
interface Interface {
  index: number;
  name: string;
}

/** An interface whose card has another hardware address than it was made with, and what it was given. */
interface Borrowed extends Interface {
  addresses: InterfaceSpec["ipAddresses"];
}

/** By the addresses that their cards were made with. They stay where they are: they need not be looked for again. */
const borrowed = new Map<string, Borrowed>();

/** Brings lo up. @throws when the kernel refuses */
export function bringUpLoopback(): void {
  const changes = new NetworkChanges();
  beginLink(changes, "bring up lo", LOOPBACK, IFF_UP);
  changes.make();
}

/** Sets up interfaces, then routes, as STARTPOD has them. @throws naming one that failed */
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
}

/** Takes interfaces down whose cards are to be like new for the next pod. */
export function clearNetwork(): void {
  for (const [mac, { index, name, addresses }] of borrowed) {
    try {
      const changes = new NetworkChanges();
      beginLink(changes, `take down ${name}`, index, 0);
      for (const { ipAddress, netMask } of addresses.splice(0)) {
        const bytes = addressBytes(ipAddress);
        // Those of IPv6 go when it goes down.
        if (bytes.length === 4) addAddress(changes, RTM_DELADDR, index, bytes, netMask);
      }
      beginLink(changes, `address of ${name}`, index).attribute(IFLA_ADDRESS, macBytes(mac));
      changes.make();
    } catch (error) {
      // It may have been taken out.
      note(`cannot clear the network: ${error instanceof Error ? error.message : error}`);
      borrowed.delete(mac);
    }
  }
}

/** Adds to changes what an interface needs. @returns what it is called then */
async function addInterface(changes: NetworkChanges, wanted: InterfaceSpec): Promise<Interface> {
  const { newDeviceName, mtu, macAddr, cardAddr } = wanted;
  const known = borrowed.get(cardAddr);
  if (!known) changes.make();
  const { index, name: found } = known ?? await findInterface(wanted);
  const name = newDeviceName === "" ? found : newDeviceName;
  if (name !== found) makeRoom(changes, name);
  // Up before it has addresses: the kernel makes the routes that belong to them once then.
  beginLink(changes, `bring up ${found} with mtu ${mtu}`, index, IFF_UP);
  if (cardAddr !== "") changes.attribute(IFLA_ADDRESS, macBytes(macAddr));
  if (mtu > 0) changes.number(IFLA_MTU, mtu);
  if (name !== found) changes.attribute(IFLA_IFNAME, cString(name));
  const addresses = wanted.ipAddresses.filter(({ ipAddress }) => ipAddress !== "");
  for (const { ipAddress, netMask } of addresses) {
    addAddress(changes, RTM_NEWADDR, index, addressBytes(ipAddress), netMask, ipAddress);
  }
  if (cardAddr !== "") borrowed.set(cardAddr, { index, name, addresses });
  return { index, name };
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
