import { cString, pause } from "../../sys/mod.ts";
import { addressBytes, addressFamily, broadcastOf, macBytes, prefixLength } from "./address.ts";
import { indexOf, NET, read } from "./interface_files.ts";
import { loadModules } from "./modules.ts";
import { note } from "./note.ts";
import { newRoutes } from "./routes.ts";
import { type InterfaceSpec, Refusal, type RouteSpec } from "./runtime.ts";
import {
  type Attribute,
  type Change,
  changeNetwork,
  RTM_DELADDR,
  RTM_NEWADDR,
  RTM_SETLINK,
  u32,
} from "./rtnetlink.ts";

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

/** An interface whose card has another hardware address than it was made with. */
interface Borrowed extends Interface {
  /** What it was given, but for IPv6 addresses, which go when it goes down. */
  addresses: Change[];
}

/** By the addresses that their cards were made with. They stay where they are: they need not be looked for again. */
const borrowed = new Map<string, Borrowed>();

/** Brings lo up. @throws when the kernel refuses */
export function bringUpLoopback(): void {
  changeNetwork([setLink("bring up lo", LOOPBACK, [], IFF_UP)]);
}

/** Sets up interfaces, then routes, as STARTPOD has them. @throws naming one that failed */
export async function configureNetwork(
  interfaces: readonly InterfaceSpec[],
  routes: readonly RouteSpec[],
): Promise<void> {
  const changes: Change[] = [];
  const indices = new Map<string, number>();
  for (const each of interfaces) {
    const found = await planInterface(each);
    changes.push(...found.changes);
    indices.set(found.name, found.index);
    // Later ones are looked for under the names that they have by then.
    if (found.renames) changeNetwork(changes.splice(0));
  }
  changes.push(...newRoutes(routes, (name) => indices.get(name) ?? indexOf(name)));
  changeNetwork(changes);
}

/**
 * Gives a network interface its name, hardware address, size of packets and addresses, and brings it up. It is found by
 * the address of its card, or else by its name, and waited for.
 *
 * @throws {Refusal} when there is none, or an address is wrong
 */
export async function setInterface(wanted: InterfaceSpec): Promise<void> {
  changeNetwork((await planInterface(wanted)).changes);
}

/** Takes interfaces down whose cards are to be like new for the next pod. */
export function clearNetwork(): void {
  for (const [mac, { index, name, addresses }] of borrowed) {
    try {
      const down = setLink(`take down ${name}`, index, [], 0);
      const back = setLink(`address of ${name}`, index, [[IFLA_ADDRESS, macBytes(mac)]]);
      changeNetwork([down, ...addresses.splice(0), back]);
    } catch (error) {
      // It may have been taken out.
      note(`cannot clear the network: ${error instanceof Error ? error.message : error}`);
      borrowed.delete(mac);
    }
  }
}

/** What an interface is to be called, and what is to be done for it. */
interface PlannedInterface extends Interface {
  renames: boolean;
  changes: Change[];
}

async function planInterface(wanted: InterfaceSpec): Promise<PlannedInterface> {
  const { index, name: found } = borrowed.get(wanted.cardAddr) ?? await findInterface(wanted);
  const { newDeviceName, mtu, macAddr, cardAddr } = wanted;
  const name = newDeviceName === "" ? found : newDeviceName;
  const renames = name !== found;
  const settings: Attribute[] = [];
  if (cardAddr !== "") settings.push([IFLA_ADDRESS, macBytes(macAddr)]);
  if (mtu > 0) settings.push([IFLA_MTU, u32(mtu)]);
  if (renames) settings.push([IFLA_IFNAME, cString(name)]);
  const addresses = wanted.ipAddresses.filter(({ ipAddress }) => ipAddress !== "")
    .map((each) => addressChange(index, each));
  const told = [cardAddr && macAddr, mtu > 0 && `mtu ${mtu}`, renames && `name ${name}`];
  const up = `bring up ${found} (${told.filter((each) => each).join(", ")})`;
  if (cardAddr !== "") borrowed.set(cardAddr, { index, name, addresses: removals(addresses) });
  // Up before it has addresses: the kernel makes the routes that belong to them once then.
  const changes = [setLink(up, index, settings, IFF_UP), ...addresses];
  return { index, name, renames, changes: renames ? [...makeRoom(name), ...changes] : changes };
}

function addressChange(
  index: number,
  { ipAddress, netMask }: InterfaceSpec["ipAddresses"][number],
): Change {
  const bytes = addressBytes(ipAddress);
  const length = prefixLength(netMask, bytes.length * 8);
  const isV4 = bytes.length === 4;
  const body = new Uint8Array(8);
  // Nobody else has the address: it was in use on the host's side of this interface.
  body.set([addressFamily(bytes), length, isV4 ? 0 : IFA_F_NODAD]);
  body.set(u32(index), 4);
  const attributes: Attribute[] = [[IFA_LOCAL, bytes], [IFA_ADDRESS, bytes]];
  if (isV4 && length < 31) attributes.push([IFA_BROADCAST, broadcastOf(bytes, length)]);
  return { what: `address ${ipAddress}`, type: RTM_NEWADDR, body, attributes };
}

/** What takes addresses away again that stay on an interface which is down: those of IPv4. */
function removals(addresses: readonly Change[]): Change[] {
  return addresses.filter(({ attributes }) => attributes[0]?.[1].length === 4)
    .map((each) => ({ ...each, type: RTM_DELADDR }));
}

/** Another interface that has the name gets out of the way: it is waiting for its own, or nobody's. */
function makeRoom(name: string): Change[] {
  const index = Number(read(name, "ifindex"));
  if (index === 0) return [];
  return [setLink(`rename ${name}`, index, [[IFLA_IFNAME, cString(`pvold${index}`)]])];
}

/**
 * A change of a link. The kernel gives it its address, size and name before it goes up (net/core/rtnetlink.c,
 * do_setlink).
 *
 * @param flags IFF_UP, or 0 for down; absent: as it is
 */
function setLink(what: string, index: number, attributes: Attribute[], flags?: number): Change {
  // struct ifinfomsg: family, type, index, flags, which of them change.
  const change = flags === undefined ? 0 : IFF_UP;
  const body = new Uint8Array(Uint32Array.of(0, index, flags ?? 0, change).buffer);
  return { what, type: RTM_SETLINK, body, attributes };
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
