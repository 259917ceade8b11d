/** The guest's side: making its interfaces and routes what the protocol's messages say. */
import type { GuestInterface, GuestNextHop, GuestRoute } from "../hyperstart/mod.ts";
import { formatIp, parseIp, parsePrefix } from "./ip.ts";
import {
  addAddress,
  ADDRESS_FLAGS,
  addRoute,
  deleteAddress,
  deleteRoute,
  getLink,
  isNetlinkError,
  type Link,
  listAddresses,
  listLinks,
  listRoutes,
  type NetlinkSocket,
  type NewRoute,
  type Route,
  ROUTE_TABLES,
  setLink,
} from "./netlink/mod.ts";

const EADDRNOTAVAIL = 99, ESRCH = 3;
/** The kernel's metric of an IPv6 route that is given none (IP6_RT_PRIO_USER). */
const IPV6_METRIC = 1024;
/** Milliseconds between two looks for a link that is still to come. */
const FIRST_PAUSE = 2, LONGEST_PAUSE = 50;

/** How long to wait for an interface. */
export interface ApplyOptions {
  /** Milliseconds that a link, just plugged in, may take to appear. Default 10,000. */
  timeout?: number;
  signal?: AbortSignal;
}

/**
 * Sets an interface up: finds it by its hardware address, waiting until it is there, or by name; renames it and gives it
 * MTU and addresses. Another link that has the name gets out of the way. Doing it again changes nothing.
 *
 * @returns the link as it is then
 * @throws {Error} when there is no such link in time
 * @throws {TypeError} when an address is none
 * @throws {NetlinkError}
 */
export async function applyInterface(
  socket: NetlinkSocket,
  wanted: GuestInterface,
  options: ApplyOptions = {},
): Promise<Link> {
  const addresses = wanted.ipAddresses.map(readAddress);
  const link = await awaitLink(socket, wanted, options);
  const name = wanted.newDeviceName || link.name;
  if (name !== link.name) rename(socket, link, name);
  if (wanted.mtu > 0 && wanted.mtu !== link.mtu) setLink(socket, link, { mtu: wanted.mtu });
  setLink(socket, link, { up: true });
  for (const { address, length } of addresses) {
    const ip = { address: formatIp(address), prefixLength: length };
    // Nobody else has the address: it was in use on the host's side of this interface.
    const more = address.length === 16
      ? { flags: ADDRESS_FLAGS.NODAD }
      : length < 31
      ? { broadcast: broadcastOf(address, length) }
      : {};
    addAddress(socket, { index: link.index, name }, { ...ip, ...more }, { replace: true });
  }
  return getLink(socket, link.index);
}

/**
 * Takes an interface out of use: its addresses, its routes with them, and down.
 *
 * @returns whether there was such a link
 * @throws {NetlinkError}
 */
export function clearInterface(socket: NetlinkSocket, unwanted: GuestInterface): boolean {
  const link = findLink(socket, unwanted);
  if (!link) return false;
  for (const address of listAddresses(socket).filter((each) => each.link === link.index)) {
    try {
      deleteAddress(socket, link, address);
    } catch (error) {
      if (!isNetlinkError(error, EADDRNOTAVAIL)) throw error;
    }
  }
  setLink(socket, link, { up: false });
  return true;
}

/**
 * Makes routes, in this order. One that is there already is left as it is; another with the same destination and metric
 * makes room.
 *
 * @throws {Error} when there is no link of a name
 * @throws {TypeError} when an address is none
 * @throws {NetlinkError} when the kernel refuses one; those before it have been made
 */
export function applyRoutes(socket: NetlinkSocket, routes: readonly GuestRoute[]): void {
  if (routes.length === 0) return;
  const links = new Map(listLinks(socket).map(({ name, index }) => [name, index]));
  const present = listRoutes(socket, { local: false });
  for (const route of routes.map((each) => readRoute(each, links))) {
    if (!present.some((each) => isSame(each, route))) addRoute(socket, route, { replace: true });
  }
}

/** Deletes routes; those that are not there do not matter. @throws {NetlinkError} */
export function deleteRoutes(socket: NetlinkSocket, routes: readonly GuestRoute[]): void {
  const links = new Map(listLinks(socket).map(({ name, index }) => [name, index]));
  for (const route of routes.map((each) => readRoute(each, links))) {
    try {
      deleteRoute(socket, route);
    } catch (error) {
      if (!isNetlinkError(error, ESRCH)) throw error;
    }
  }
}

async function awaitLink(
  socket: NetlinkSocket,
  wanted: GuestInterface,
  { timeout = 10_000, signal }: ApplyOptions,
): Promise<Link> {
  const deadline = performance.now() + timeout;
  for (let pause = FIRST_PAUSE;; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
    signal?.throwIfAborted();
    const link = findLink(socket, wanted);
    if (link) return link;
    if (performance.now() >= deadline) {
      const which = wanted.macAddr || wanted.device || wanted.newDeviceName;
      throw new Error(`Cannot set up interface ${which}: no such link after ${timeout} ms`);
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

function findLink(socket: NetlinkSocket, wanted: GuestInterface): Link | undefined {
  const mac = wanted.macAddr.toLowerCase();
  const name = wanted.device || wanted.newDeviceName;
  const links = listLinks(socket).filter((link) => !link.loopback);
  if (mac === "") return links.find((link) => link.name === name);
  const matches = links.filter((link) => link.mac === mac);
  // A bridge has the address of a port of its own.
  return matches.find((link) => link.kind === "") ?? matches[0];
}

function rename(socket: NetlinkSocket, link: Link, name: string): void {
  const occupant = listLinks(socket).find((each) => each.name === name);
  if (occupant) {
    setLink(socket, occupant, { up: false });
    setLink(socket, occupant, { name: `pvold${occupant.index}` });
  }
  setLink(socket, link, { up: false });
  setLink(socket, link, { name });
}

function readAddress({ ipAddress, netMask }: GuestInterface["ipAddresses"][number]) {
  const length = netMask.includes(".") ? maskLength(netMask) : netMask;
  return parsePrefix(`${ipAddress}/${length}`);
}

/** Length of a mask such as 255.255.0.0. @throws {TypeError} when its ones are not at its beginning */
function maskLength(mask: string): number {
  const bits = [...parseIp(mask)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  if (!/^1*0*$/.test(bits)) throw new TypeError(`Cannot read ${JSON.stringify(mask)} as a mask`);
  return bits.lastIndexOf("1") + 1;
}

function broadcastOf(address: Uint8Array, length: number): string {
  const host = length === 0 ? 0xffffffff : 0xffffffff >>> length;
  return formatIp(address.map((byte, at) => byte | (host >>> (24 - at * 8)) & 0xff));
}

function readRoute(route: GuestRoute, links: ReadonlyMap<string, number>): NewRoute {
  const indexOf = (device: string): number => {
    if (device === "") return 0;
    const index = links.get(device);
    if (index === undefined) {
      throw new Error(`Cannot make route ${route.dest}: there is no interface ${device}`);
    }
    return index;
  };
  const ways: Partial<GuestNextHop>[] = route.nextHops?.length ? route.nextHops : [route];
  const hops = ways.map(({ gateway = "", device = "", weight }) => {
    return { gateway, link: indexOf(device), weight: weight || 1, onlink: route.onlink ?? false };
  });
  const destination = readDestination(route.dest, hops[0]!.gateway);
  return {
    destination,
    hops,
    ...(route.src ? { source: route.src } : {}),
    ...(route.metric ? { metric: route.metric } : {}),
    ...(route.mtu ? { mtu: route.mtu } : {}),
  };
}

/** The labels of a default route are those of all guests; its family then is the gateway's. */
function readDestination(dest: string, gateway: string): string {
  if (["", "default", "any", "all"].includes(dest)) {
    return gateway.includes(":") ? "::/0" : "0.0.0.0/0";
  }
  const { address, length } = parsePrefix(dest);
  return `${formatIp(address)}/${length}`;
}

function isSame(present: Route, wanted: NewRoute): boolean {
  const [hop, ...more] = wanted.hops ?? [];
  const [its, ...others] = present.hops;
  if (!hop || !its || more.length > 0 || others.length > 0) return false;
  const unset = present.family === 6 ? IPV6_METRIC : 0;
  // The kernel's own routes to the networks of its addresses have a metric of their own.
  const direct = !hop.gateway && wanted.metric === undefined;
  return present.table === ROUTE_TABLES.main && present.destination === wanted.destination &&
    its.link === hop.link && its.gateway === (hop.gateway ?? "") &&
    (direct || (present.metric ?? 0) === (wanted.metric ?? unset)) &&
    (wanted.source === undefined || wanted.source === present.source) &&
    (wanted.mtu === undefined || wanted.mtu === present.mtu);
}
