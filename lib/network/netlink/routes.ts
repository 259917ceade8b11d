import { AF_INET, AF_INET6 } from "../../sys/mod.ts";
import { formatIp } from "../ip.ts";
import { Attributes } from "./attributes.ts";
import { MalformedMessage } from "./error.ts";
import { attributesAfter, type Message, type Request } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

export const RTM_NEWROUTE = 24, RTM_DELROUTE = 25;
const RTM_GETROUTE = 26;
/** Attributes of routes (linux/rtnetlink.h). */
export const RTA = {
  DST: 1,
  SRC: 2,
  OIF: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFSRC: 7,
  METRICS: 8,
  MULTIPATH: 9,
  CACHEINFO: 12,
  TABLE: 15,
  VIA: 18,
  PREF: 20,
} as const;
/** In RTA_METRICS. */
export const RTAX_MTU = 2;
/** Of a route or one of its next hops: the gateway is on the link although no route says so. */
export const RTNH_F_ONLINK = 4;

/** The route is a copy in the cache. */
const RTM_F_CLONED = 0x200;
/** struct rtmsg: u8 family, destination's length, source's, tos, table, protocol, scope, type; u32 flags. */
export const RTMSG_SIZE = 12;
/** struct rtnexthop: u16 length with attributes, u8 flags, u8 weight less one, i32 index. */
export const RTNEXTHOP_SIZE = 8;

/** linux/rtnetlink.h, enum rt_class_t: tables that always exist. */
export const ROUTE_TABLES = { default: 253, main: 254, local: 255 } as const;
/** linux/rtnetlink.h, enum rt_scope_t. */
export const ROUTE_SCOPES = { universe: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;
/** Who made a route: RTPROT_… of linux/rtnetlink.h. */
export const ROUTE_PROTOCOLS = { redirect: 1, kernel: 2, boot: 3, static: 4, ra: 9 } as const;
/** What a route does with packets: the types of linux/rtnetlink.h by number. */
export const ROUTE_TYPES = [
  "unspecified",
  "unicast",
  "local",
  "broadcast",
  "anycast",
  "multicast",
  "blackhole",
  "unreachable",
  "prohibit",
  "throw",
  "nat",
  "xresolve",
] as const;

export type RouteType = typeof ROUTE_TYPES[number];

/** One way of several. */
export interface NextHop {
  /** Empty: the destination is on the link. */
  gateway: string;
  /** Index of the link; 0 when the kernel is to find it. */
  link: number;
  /** Share of the traffic, from 1. */
  weight: number;
  onlink: boolean;
}

/** A route. */
export interface Route {
  family: 4 | 6;
  /** With prefix length; `0.0.0.0/0` or `::/0` for a default route. */
  destination: string;
  /** Where it leads: one or more next hops, none for a route that leads nowhere (blackhole and the like). */
  hops: NextHop[];
  table: number;
  type: RouteType;
  scope: number;
  protocol: number;
  /** Lower ones win. Absent: 0 in IPv4. */
  metric?: number;
  /** Preferred source address. */
  source?: string;
  /** Only for packets from there (IPv6), with prefix length. */
  from?: string;
  tos: number;
  /** Bytes. */
  mtu?: number;
}

/** The dump of every route of every table, but for cached ones. */
export function routesRequest(): Request {
  return { type: RTM_GETROUTE, header: new Uint8Array(RTMSG_SIZE) };
}

/**
 * All routes, IPv4 and IPv6.
 *
 * @param options local: also those of the kernel's own table of local addresses
 * @throws {NetlinkError}
 */
export function listRoutes(socket: NetlinkSocket, options: { local?: boolean } = {}): Route[] {
  const { local = true } = options;
  return socket.dump(
    "list routes",
    routesRequest(),
    (message) => local || !isLocal(message) ? readRoute(message) : undefined,
  );
}

/** Of the kernel's own table: told by the fixed header. */
function isLocal({ view, start, end }: Message): boolean {
  return end - start >= RTMSG_SIZE && view.getUint8(start + 4) === ROUTE_TABLES.local;
}

const reused = new Attributes();

/** Reads a route; nothing when it is not of IPv4 or IPv6, or a cached one. @throws {MalformedMessage} */
export function readRoute(message: Message): Route | undefined {
  const attributes = attributesAfter(message, RTMSG_SIZE, reused);
  const { view, start } = message;
  const family = view.getUint8(start);
  const flags = view.getUint32(start + 8, true);
  if ((family !== AF_INET && family !== AF_INET6) || flags & RTM_F_CLONED) return undefined;
  const size = family === AF_INET ? 4 : 16;
  const prefix = (type: number, length: number) => {
    const bytes = attributes.bytes(type);
    return (bytes ? ipText(bytes, size) : size === 4 ? "0.0.0.0" : "::") + "/" + length;
  };
  const route: Route = {
    family: family === AF_INET ? 4 : 6,
    destination: prefix(RTA.DST, view.getUint8(start + 1)),
    hops: readHops(view, attributes, flags, size),
    table: attributes.u32(RTA.TABLE) ?? view.getUint8(start + 4),
    type: ROUTE_TYPES[view.getUint8(start + 7)] ?? "unspecified",
    scope: view.getUint8(start + 6),
    protocol: view.getUint8(start + 5),
    tos: view.getUint8(start + 3),
  };
  const metric = attributes.u32(RTA.PRIORITY);
  if (metric !== undefined) route.metric = metric;
  const source = attributes.bytes(RTA.PREFSRC);
  if (source) route.source = ipText(source, size);
  if (view.getUint8(start + 2) > 0) route.from = prefix(RTA.SRC, view.getUint8(start + 2));
  const mtu = attributes.nested(RTA.METRICS)?.u32(RTAX_MTU);
  if (mtu !== undefined) route.mtu = mtu;
  return route;
}

function readHops(
  view: DataView,
  attributes: Attributes,
  flags: number,
  size: number,
): NextHop[] {
  const several = attributes.range(RTA.MULTIPATH);
  if (several) return [...readMultipath(view, ...several, size)];
  const link = attributes.u32(RTA.OIF);
  const gateway = readGateway(attributes, size);
  if (link === undefined && gateway === "") return [];
  return [{ gateway, link: link ?? 0, weight: 1, onlink: (flags & RTNH_F_ONLINK) !== 0 }];
}

function* readMultipath(
  view: DataView,
  start: number,
  end: number,
  size: number,
): Generator<NextHop> {
  for (let at = start; end - at >= RTNEXTHOP_SIZE;) {
    const length = view.getUint16(at, true);
    if (length < RTNEXTHOP_SIZE || at + length > end) {
      throw new MalformedMessage(`a next hop of ${length} bytes where ${end - at} are left`);
    }
    const attributes = new Attributes(view, at + RTNEXTHOP_SIZE, at + length);
    yield {
      gateway: readGateway(attributes, size),
      link: view.getInt32(at + 4, true),
      weight: view.getUint8(at + 3) + 1,
      onlink: (view.getUint8(at + 2) & RTNH_F_ONLINK) !== 0,
    };
    at += (length + 3) & ~3;
  }
}

/** The gateway, which RTA_VIA gives in another family than the route's. */
function readGateway(attributes: Attributes, size: number): string {
  const gateway = attributes.bytes(RTA.GATEWAY);
  if (gateway) return ipText(gateway, size);
  const via = attributes.bytes(RTA.VIA);
  if (!via) return "";
  if (via.length !== 6 && via.length !== 18) {
    throw new MalformedMessage(`a gateway of ${via.length} bytes`);
  }
  return formatIp(via.subarray(2));
}

function ipText(bytes: Uint8Array, size: number): string {
  if (bytes.length !== size) throw new MalformedMessage(`an address of ${bytes.length} bytes`);
  return formatIp(bytes);
}
