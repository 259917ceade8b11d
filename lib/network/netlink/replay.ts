/**
 * Addresses and routes as the kernel describes them, kept so that exactly the same can be asked for again, whatever
 * attributes they have: what `ip address save` and `ip route save` do.
 */
import { ADDRESS_FLAGS } from "./addresses.ts";
import { align, Attributes } from "./attributes.ts";
import { MalformedMessage } from "./error.ts";
import { type Message, NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL } from "./message.ts";
import {
  readRoute,
  type Route,
  ROUTE_PROTOCOLS,
  ROUTE_TABLES,
  routesRequest,
  RTA,
  RTM_NEWROUTE,
  RTMSG_SIZE,
  RTNEXTHOP_SIZE,
  RTNH_F_ONLINK,
} from "./routes.ts";
import type { NetlinkSocket } from "./socket.ts";

const RTM_NEWADDR = 20, RTM_GETADDR = 22;
const IFADDRMSG_SIZE = 8, IFA_CACHEINFO = 6, IFA_FLAGS = 8;
const RTA_NH_ID = 30, RTA_ENCAP_TYPE = 21, RTA_ENCAP = 22;
const FOREVER = 0xffffffff;
/** What an address may be asked to be; its other flags are what became of it. */
const ASKED_FLAGS = ADDRESS_FLAGS.NODAD | ADDRESS_FLAGS.HOMEADDRESS |
  ADDRESS_FLAGS.MANAGETEMPADDR | ADDRESS_FLAGS.NOPREFIXROUTE | ADDRESS_FLAGS.MCAUTOJOIN;

/** The payload of a message that asks for an address or route again. */
export type Recorded = Uint8Array;

/** The addresses of a link, in an order in which they can be given to it again. @throws {NetlinkError} */
export function recordAddresses(socket: NetlinkSocket, link: number): Recorded[] {
  const request = { type: RTM_GETADDR, header: new Uint8Array(IFADDRMSG_SIZE) };
  const found = socket.dump("list addresses", request, (message) => {
    const { view, start, end } = message;
    if (end - start < IFADDRMSG_SIZE) throw new MalformedMessage("an address without header");
    return view.getUint32(start + 4, true) === link ? recordAddress(message) : undefined;
  });
  // The kernel lists IPv6 addresses latest first.
  const [four, six] = [found.filter(([family]) => family === 2), found.filter(([f]) => f !== 2)];
  return [...four, ...six.reverse()];
}

/** Routes of any table that lead through a link, but for those that come back by themselves. @throws {NetlinkError} */
export function recordRoutes(socket: NetlinkSocket, link: number): Recorded[] {
  return socket.dump("list routes", routesRequest(), (message) => {
    const route = readRoute(message);
    return route && leadsThrough(route, link) && !comesBack(route)
      ? recordRoute(message)
      : undefined;
  });
}

/** Whether two records are of the same address; how long it is valid does not count. */
export function isSameAddress(one: Recorded, other: Recorded): boolean {
  const key = (recorded: Recorded) => {
    const view = viewOf(recorded);
    const tail = copyAttributes(view, IFADDRMSG_SIZE, recorded.length, (t) => t !== IFA_CACHEINFO);
    return [...recorded.subarray(0, IFADDRMSG_SIZE), ...tail].join();
  };
  return key(one) === key(other);
}

/** Gives a link an address again. @throws {NetlinkError} EEXIST when it is there */
export function replayAddress(socket: NetlinkSocket, recorded: Recorded): void {
  replay(socket, "put an address back", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, recorded);
}

/** Makes a route again. @throws {NetlinkError} EEXIST when it is there */
export function replayRoute(socket: NetlinkSocket, recorded: Recorded): void {
  // Not NLM_F_EXCL: routes to one network through different links differ in nothing else.
  replay(socket, "put a route back", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, recorded);
}

function replay(
  socket: NetlinkSocket,
  operation: string,
  type: number,
  flags: number,
  header: Recorded,
): void {
  socket.change(operation, { type, flags, header });
}

function leadsThrough({ hops }: Route, link: number): boolean {
  return hops.some((hop) => hop.link === link);
}

/** Routers will tell of it again, or the kernel makes it: of a local address, perhaps some time after the address. */
function comesBack({ protocol, table }: Route): boolean {
  return protocol === ROUTE_PROTOCOLS.ra ||
    (protocol === ROUTE_PROTOCOLS.kernel && table === ROUTE_TABLES.local);
}

function recordAddress({ view, start, end }: Message): Recorded {
  const at = start + IFADDRMSG_SIZE;
  const limited = hasEnd(new Attributes(view, at, end).range(IFA_CACHEINFO), view);
  const tail = copyAttributes(view, at, end, (type) => type !== IFA_CACHEINFO || limited);
  const recorded = join(view, start, IFADDRMSG_SIZE, tail);
  const copy = viewOf(recorded);
  copy.setUint8(2, copy.getUint8(2) & ASKED_FLAGS);
  const flags = new Attributes(copy, IFADDRMSG_SIZE, recorded.length).range(IFA_FLAGS)?.[0];
  if (flags) copy.setUint32(flags, copy.getUint32(flags, true) & ASKED_FLAGS, true);
  return recorded;
}

function hasEnd(times: readonly [number, number] | undefined, view: DataView): boolean {
  if (!times || times[1] - times[0] < 8) return false;
  return view.getUint32(times[0] + 4, true) !== FOREVER;
}

function recordRoute({ view, start, end }: Message): Recorded {
  const at = start + RTMSG_SIZE;
  const dropped: number[] = [RTA.CACHEINFO];
  // A next hop by its number stands for these.
  if (new Attributes(view, at, end).has(RTA_NH_ID)) {
    dropped.push(RTA.OIF, RTA.GATEWAY, RTA.VIA, RTA.MULTIPATH, RTA_ENCAP, RTA_ENCAP_TYPE);
  }
  const tail = copyAttributes(view, at, end, (type) => !dropped.includes(type));
  const recorded = join(view, start, RTMSG_SIZE, tail);
  const copy = viewOf(recorded);
  copy.setUint32(8, copy.getUint32(8, true) & RTNH_F_ONLINK, true);
  const hops = new Attributes(copy, RTMSG_SIZE, recorded.length).range(RTA.MULTIPATH);
  if (hops) keepAskedHopFlags(copy, ...hops);
  return recorded;
}

function keepAskedHopFlags(view: DataView, start: number, end: number): void {
  for (let at = start; end - at >= RTNEXTHOP_SIZE;) {
    view.setUint8(at + 2, view.getUint8(at + 2) & RTNH_F_ONLINK);
    at += Math.max(align(view.getUint16(at, true)), RTNEXTHOP_SIZE);
  }
}

/** The attributes of chosen types, as they are. */
function copyAttributes(
  view: DataView,
  start: number,
  end: number,
  keep: (type: number) => boolean,
): number[] {
  const kept: number[] = [];
  for (let at = start; end - at >= 4;) {
    const length = view.getUint16(at, true);
    if (length < 4 || length > end - at) throw new MalformedMessage(`attribute of ${length} bytes`);
    if (keep(view.getUint16(at + 2, true) & 0x3fff)) {
      for (let each = at; each < at + length; each++) kept.push(view.getUint8(each));
      while (kept.length % 4 !== 0) kept.push(0);
    }
    at += align(length);
  }
  return kept;
}

function join(view: DataView, start: number, size: number, tail: readonly number[]): Uint8Array {
  const recorded = new Uint8Array(size + tail.length);
  recorded.set(new Uint8Array(view.buffer, view.byteOffset + start, size));
  recorded.set(tail, size);
  return recorded;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
