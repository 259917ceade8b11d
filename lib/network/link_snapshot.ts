import { EBUSY, EEXIST } from "../sys/mod.ts";
import {
  addNeighbour,
  getLink,
  isNetlinkError,
  type Link,
  type LinkSettings,
  listNeighbours,
  NEIGHBOUR_STATES,
  type NetlinkSocket,
  setLink,
} from "./netlink/mod.ts";
import {
  isSameAddress,
  recordAddresses,
  type Recorded,
  recordRoutes,
  replayAddress,
  replayRoute,
} from "./netlink/replay.ts";

/** All that connecting a link to a VM may change of it. Goes through JSON. */
export interface LinkSnapshot {
  index: number;
  name: string;
  mac: string;
  mtu: number;
  /** Length of the transmit queue. The kernel lengthens one of 0 for a queueing discipline. */
  txqlen: number;
  up: boolean;
  /** Index of the bridge it belongs to, 0 for none. */
  master: number;
  /** Requests to the kernel that give it its addresses and routes again, in Base64. */
  addresses: string[];
  routes: string[];
  /** Neighbours that somebody has entered; those that were learned will be again. */
  neighbours: { address: string; mac: string; flags: number }[];
}

/** A gateway can be reached only once the route to it is there, and that may need another one. */
const ROUTE_PASSES = 3;
const ENETUNREACH = 101, EHOSTUNREACH = 113, EINVAL = 22;

/** Takes down how a link is. @throws {NetlinkError} */
export function captureLink(socket: NetlinkSocket, link: Link): LinkSnapshot {
  const { index, name, mac, mtu, txqlen, up, master } = link;
  const entered = (state: number) => (state & NEIGHBOUR_STATES.permanent) !== 0;
  return {
    index,
    name,
    mac,
    mtu,
    txqlen,
    up,
    master,
    addresses: recordAddresses(socket, index).map((each) => each.toBase64()),
    routes: recordRoutes(socket, index).map((each) => each.toBase64()),
    neighbours: listNeighbours(socket)
      .filter((each) => each.link === index && entered(each.state))
      .map((each) => ({ address: each.address, mac: each.mac, flags: each.flags })),
  };
}

/**
 * Makes a link as it was: puts back what is missing or different. What was added to it meanwhile stays. Doing it again
 * changes nothing.
 *
 * @throws {NetlinkError} when something cannot be put back; the rest has been tried all the same
 */
export function restoreLink(socket: NetlinkSocket, snapshot: LinkSnapshot): void {
  const failures: unknown[] = [];
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      failures.push(error);
    }
  };
  attempt(() => restoreSettings(socket, snapshot));
  attempt(() => restoreAddresses(socket, snapshot, attempt));
  for (const neighbour of snapshot.neighbours) {
    attempt(() => addNeighbour(socket, snapshot, neighbour));
  }
  attempt(() => restoreRoutes(socket, snapshot, attempt));
  if (failures.length > 0) throw failures[0];
}

/** Changes the hardware address of a link; where its driver can do so only while it is down, it goes down for it. */
export function setHardwareAddress(socket: NetlinkSocket, link: Link, mac: string): void {
  try {
    setLink(socket, link, { mac });
  } catch (error) {
    if (!link.up || !isNetlinkError(error, EBUSY)) throw error;
    setLink(socket, link, { up: false });
    setLink(socket, link, { mac });
    setLink(socket, link, { up: true });
  }
}

function restoreSettings(socket: NetlinkSocket, snapshot: LinkSnapshot): void {
  const link = getLink(socket, snapshot.index);
  if (link.master !== snapshot.master) setLink(socket, link, { master: snapshot.master });
  if (link.mac !== snapshot.mac) setHardwareAddress(socket, link, snapshot.mac);
  const changed: LinkSettings = {};
  if (link.mtu !== snapshot.mtu) changed.mtu = snapshot.mtu;
  if (link.txqlen !== snapshot.txqlen) changed.txqlen = snapshot.txqlen;
  if (link.up !== snapshot.up) changed.up = snapshot.up;
  if (Object.keys(changed).length > 0) setLink(socket, link, changed);
}

function restoreAddresses(
  socket: NetlinkSocket,
  { index, addresses }: LinkSnapshot,
  attempt: (work: () => void) => void,
): void {
  const present = recordAddresses(socket, index);
  for (const address of addresses.map(decode)) {
    if (present.some((each) => isSameAddress(each, address))) continue;
    attempt(() => unlessThere(() => replayAddress(socket, address)));
  }
}

function restoreRoutes(
  socket: NetlinkSocket,
  { index, routes }: LinkSnapshot,
  attempt: (work: () => void) => void,
): void {
  for (let pass = 1; pass <= ROUTE_PASSES; pass++) {
    const present = new Set(recordRoutes(socket, index).map((each) => each.toBase64()));
    const missing = routes.filter((route) => !present.has(route));
    if (missing.length === 0) return;
    for (const route of missing.map(decode)) {
      attempt(() => unlessThere(() => replayUnlessTooEarly(socket, route, pass < ROUTE_PASSES)));
    }
  }
}

function replayUnlessTooEarly(socket: NetlinkSocket, route: Recorded, early: boolean): void {
  try {
    replayRoute(socket, route);
  } catch (error) {
    const maybeLater = isNetlinkError(error, ENETUNREACH, EHOSTUNREACH, EINVAL);
    if (!early || !maybeLater) throw error;
  }
}

function unlessThere(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isNetlinkError(error, EEXIST)) throw error;
  }
}

function decode(text: string): Recorded {
  return Uint8Array.fromBase64(text);
}
