import { AF_INET, AF_INET6 } from "../../sys/mod.ts";
import { parseIp, parsePrefix } from "../ip.ts";
import { type Attribute, bytes, encodeAttributes, nested, u32 } from "./attributes.ts";
import { NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE } from "./message.ts";
import {
  type NextHop,
  type Route,
  ROUTE_PROTOCOLS,
  ROUTE_SCOPES,
  ROUTE_TABLES,
  ROUTE_TYPES,
  type RouteType,
  RTA,
  RTAX_MTU,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  RTMSG_SIZE,
  RTNEXTHOP_SIZE,
  RTNH_F_ONLINK,
} from "./routes.ts";
import type { NetlinkSocket } from "./socket.ts";

/** What must be known of a route to be made: without `table` it is for the main one. */
export type NewRoute =
  & Pick<Route, "destination">
  & Partial<Omit<Route, "family" | "destination" | "hops">>
  & { hops?: readonly (Partial<NextHop> & Pick<NextHop, "link">)[] };

/**
 * Makes a route.
 *
 * @param options replace: in place of one with the same destination and metric
 * @throws {NetlinkError} EEXIST when it is there already; ENETUNREACH when its gateway is not on a link
 * @throws {TypeError} when an address in it is none
 */
export function addRoute(
  socket: NetlinkSocket,
  route: NewRoute,
  options: { replace?: boolean } = {},
): void {
  socket.change(`add route ${describeRoute(route)}`, {
    type: RTM_NEWROUTE,
    flags: NLM_F_CREATE | (options.replace ? NLM_F_REPLACE : NLM_F_EXCL),
    header: routeHeader(route, route.scope ?? scopeOf(route)),
    attributes: routeAttributes(route),
  });
}

/** Deletes the first route that has all that is given. @throws {NetlinkError} ESRCH when there is none */
export function deleteRoute(socket: NetlinkSocket, route: NewRoute): void {
  socket.change(`delete route ${describeRoute(route)}`, {
    type: RTM_DELROUTE,
    header: routeHeader(route, route.scope ?? ROUTE_SCOPES.nowhere),
    attributes: routeAttributes(route),
  });
}

/** A route in words. */
export function describeRoute({ destination, hops = [], metric }: NewRoute): string {
  const ways = hops.map(({ gateway }) => gateway ? ` via ${gateway}` : "");
  return destination + ways.join(",") + (metric === undefined ? "" : ` metric ${metric}`);
}

const LOCAL_TYPES: readonly RouteType[] = ["local", "nat"];
const LINK_TYPES: readonly RouteType[] = ["broadcast", "multicast", "anycast"];

/** How far the destination is, as `ip route` takes it. */
function scopeOf({ type = "unicast", hops = [] }: NewRoute): number {
  if (LOCAL_TYPES.includes(type)) return ROUTE_SCOPES.host;
  if (LINK_TYPES.includes(type)) return ROUTE_SCOPES.link;
  const direct = type === "unicast" && hops.length > 0 && hops.every((hop) => !hop.gateway);
  return direct ? ROUTE_SCOPES.link : ROUTE_SCOPES.universe;
}

function routeHeader(route: NewRoute, scope: number): Uint8Array {
  const { destination, from, type = "unicast", tos = 0, hops = [] } = route;
  const { table = ROUTE_TABLES.main, protocol = ROUTE_PROTOCOLS.boot } = route;
  const { address, length } = parsePrefix(destination);
  const header = new Uint8Array(RTMSG_SIZE);
  header[0] = address.length === 4 ? AF_INET : AF_INET6;
  header[1] = length;
  header[2] = from === undefined ? 0 : parsePrefix(from).length;
  header[3] = tos;
  header[4] = table < 256 ? table : 0;
  header[5] = protocol;
  header[6] = scope;
  header[7] = ROUTE_TYPES.indexOf(type);
  const onlink = hops.length === 1 && hops[0]!.onlink === true;
  new DataView(header.buffer).setUint32(8, onlink ? RTNH_F_ONLINK : 0, true);
  return header;
}

function routeAttributes(route: NewRoute): Attribute[] {
  const { destination, from, metric, source, mtu, hops = [], table = ROUTE_TABLES.main } = route;
  const { address, length } = parsePrefix(destination);
  const attributes: Attribute[] = [u32(RTA.TABLE, table)];
  if (length > 0) attributes.push(bytes(RTA.DST, address));
  if (from !== undefined) attributes.push(bytes(RTA.SRC, parsePrefix(from).address));
  if (source !== undefined) attributes.push(bytes(RTA.PREFSRC, parseIp(source)));
  if (metric !== undefined) attributes.push(u32(RTA.PRIORITY, metric));
  if (mtu !== undefined) attributes.push(nested(RTA.METRICS, [u32(RTAX_MTU, mtu)]));
  const [only, ...more] = hops;
  if (more.length > 0) {
    attributes.push(bytes(RTA.MULTIPATH, encodeHops(hops, address.length)));
  } else if (only) {
    if (only.link !== 0) attributes.push(u32(RTA.OIF, only.link));
    attributes.push(...gatewayAttributes(only, address.length));
  }
  return attributes;
}

function encodeHops(hops: readonly Partial<NextHop>[], size: number): Uint8Array {
  const parts = hops.map((hop) => {
    const tail = encodeAttributes(gatewayAttributes(hop, size));
    const memory = new Uint8Array(RTNEXTHOP_SIZE + tail.length);
    const view = new DataView(memory.buffer);
    view.setUint16(0, memory.length, true);
    view.setUint8(2, hop.onlink ? RTNH_F_ONLINK : 0);
    view.setUint8(3, (hop.weight ?? 1) - 1);
    view.setInt32(4, hop.link ?? 0, true);
    memory.set(tail, RTNEXTHOP_SIZE);
    return memory;
  });
  const memory = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    memory.set(part, at);
    at += part.length;
  }
  return memory;
}

function gatewayAttributes({ gateway }: Partial<NextHop>, size: number): Attribute[] {
  if (!gateway) return [];
  const address = parseIp(gateway);
  if (address.length === size) return [bytes(RTA.GATEWAY, address)];
  // struct rtvia: u16 family, address.
  const via = new Uint8Array(2 + address.length);
  via[0] = address.length === 4 ? AF_INET : AF_INET6;
  via.set(address, 2);
  return [bytes(RTA.VIA, via)];
}
