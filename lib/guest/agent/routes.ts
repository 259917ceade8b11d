import { AF_INET, AF_INET6 } from "../../sys/mod.ts";
import { addressBytes, addressFamily, prefixLength } from "./address.ts";
import { indexOf } from "./interface_files.ts";
import type { RouteSpec } from "./runtime.ts";
import {
  type Attribute,
  type Change,
  changeNetwork,
  encodeAttributes,
  RTM_DELROUTE,
  RTM_NEWROUTE,
  u32,
} from "./rtnetlink.ts";

/** linux/rtnetlink.h */
const RTA_DST = 1, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PRIORITY = 6, RTA_PREFSRC = 7;
const RTA_METRICS = 8, RTA_MULTIPATH = 9, RTA_VIA = 18, RTAX_MTU = 2;
const RT_TABLE_MAIN = 254, RTPROT_BOOT = 3, RTN_UNICAST = 1;
const RT_SCOPE_UNIVERSE = 0, RT_SCOPE_LINK = 253, RT_SCOPE_NOWHERE = 255;
const RTNH_F_ONLINK = 4;
const RTNEXTHOP_SIZE = 8, MAX_WEIGHT = 256;
/** Names of the default route in the protocol. */
const DEFAULTS = ["", "default", "0.0.0.0/0", "::/0"];

/** One way of a route. */
interface Way {
  gateway: string;
  device: string;
}

/** Finds an interface's number by its name. */
type FindIndex = (name: string) => number;

/** Adds routes, or replaces those to the same places. @throws naming one that failed */
export function setRoutes(routes: readonly RouteSpec[]): void {
  changeNetwork(newRoutes(routes));
}

/** What {@linkcode setRoutes} asks the kernel for. @throws {Refusal} when an interface is not there */
export function newRoutes(routes: readonly RouteSpec[], find: FindIndex = indexOf): Change[] {
  return routes.map((route) => changeOfRoute(RTM_NEWROUTE, route, find));
}

/** Deletes routes. @throws naming one that is not there */
export function deleteRoutes(routes: readonly RouteSpec[]): void {
  changeNetwork(routes.map((route) => changeOfRoute(RTM_DELROUTE, route, indexOf)));
}

function changeOfRoute(type: number, route: RouteSpec, find: FindIndex): Change {
  const { dest, src, metric, mtu, onlink, nextHops } = route;
  const isDefault = DEFAULTS.includes(dest);
  const [network = "", length = ""] = isDefault ? [] : dest.split("/");
  const destination = isDefault ? undefined : addressBytes(network);
  const ways: Way[] = nextHops.length > 0 ? nextHops : [route];
  const isV6 = destination
    ? addressFamily(destination) === AF_INET6
    : dest === "::/0" || dest !== "0.0.0.0/0" && ways.some((way) => way.gateway.includes(":"));
  const isDirect = ways.every(({ gateway }) => gateway === "");
  const flags = onlink ? RTNH_F_ONLINK : 0;
  // struct rtmsg: family, lengths of destination and source, TOS, table, protocol, scope, type, u32 flags.
  const body = new Uint8Array(12);
  body.set([
    isV6 ? AF_INET6 : AF_INET,
    destination ? prefixLength(length, destination.length * 8) : 0,
  ]);
  body.set([RT_TABLE_MAIN, ...kindOf(type, isDirect && !isV6)], 4);
  const attributes: Attribute[] = [];
  if (destination) attributes.push([RTA_DST, destination]);
  if (nextHops.length > 0) {
    const hops = nextHops.map((hop) => [...encodeHop(hop, hop.weight, flags, isV6, find)]);
    attributes.push([RTA_MULTIPATH, Uint8Array.from(hops.flat())]);
  } else {
    body.set(u32(flags), 8);
    attributes.push(...wayAttributes(route, isV6));
    if (route.device !== "") attributes.push([RTA_OIF, u32(find(route.device))]);
  }
  if (src !== "") attributes.push([RTA_PREFSRC, addressBytes(src)]);
  if (metric > 0) attributes.push([RTA_PRIORITY, u32(metric)]);
  if (mtu > 0) attributes.push([RTA_METRICS, encodeAttributes([[RTAX_MTU, u32(mtu)]])]);
  return { what: `route to ${isDefault ? "default" : dest}`, type, body, attributes };
}

/** Protocol, scope and type of a route. One that is to go may have any: RT_SCOPE_NOWHERE stands for that, and 0. */
function kindOf(type: number, isDirect: boolean): number[] {
  if (type === RTM_DELROUTE) return [0, RT_SCOPE_NOWHERE, 0];
  return [RTPROT_BOOT, isDirect ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE, RTN_UNICAST];
}

/** struct rtnexthop: u16 length, u8 flags, u8 weight less one, i32 interface; then attributes. */
function encodeHop(
  way: Way,
  weight: number,
  flags: number,
  isV6: boolean,
  find: FindIndex,
): Uint8Array {
  const attributes = encodeAttributes(wayAttributes(way, isV6));
  const bytes = new Uint8Array(RTNEXTHOP_SIZE + attributes.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, bytes.length, true);
  view.setUint8(2, flags);
  view.setUint8(3, Math.min(Math.max(weight, 1), MAX_WEIGHT) - 1);
  view.setInt32(4, find(way.device), true);
  bytes.set(attributes, RTNEXTHOP_SIZE);
  return bytes;
}

/** An IPv4 route may lead to an IPv6 gateway: struct rtvia, u16 family and the address. */
function wayAttributes({ gateway }: Way, isV6: boolean): Attribute[] {
  if (gateway === "") return [];
  const address = addressBytes(gateway);
  if (isV6 || address.length === 4) return [[RTA_GATEWAY, address]];
  return [[RTA_VIA, Uint8Array.from([AF_INET6, 0, ...address])]];
}
