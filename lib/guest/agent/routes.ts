import { AF_INET, AF_INET6 } from "../../sys/mod.ts";
import { addressBytes, addressFamily, prefixLength } from "./address.ts";
import { indexOf } from "./interface_files.ts";
import type { RouteSpec } from "./runtime.ts";
import { NetworkChanges, RTM_DELROUTE, RTM_NEWROUTE } from "./rtnetlink.ts";

/** linux/rtnetlink.h */
const RTA_DST = 1, RTA_OIF = 4, RTA_GATEWAY = 5, RTA_PRIORITY = 6, RTA_PREFSRC = 7;
const RTA_METRICS = 8, RTA_MULTIPATH = 9, RTA_VIA = 18, RTAX_MTU = 2;
const RT_TABLE_MAIN = 254, RTPROT_BOOT = 3, RTN_UNICAST = 1;
const RT_SCOPE_UNIVERSE = 0, RT_SCOPE_LINK = 253, RT_SCOPE_NOWHERE = 255;
const RTNH_F_ONLINK = 4;
const MAX_WEIGHT = 256;
/** Names of the default route in the protocol. */
const DEFAULTS = ["", "default", "0.0.0.0/0", "::/0"];

/** One way of a route. */
interface Way {
  gateway: string;
  device: string;
}

/** Finds an interface's number by its name. @throws when there is none */
type FindIndex = (name: string) => number;

/** Adds routes, or replaces those to the same places. @throws naming one that failed */
export function setRoutes(routes: readonly RouteSpec[]): void {
  const changes = new NetworkChanges();
  addRoutes(changes, routes, indexOf);
  changes.make();
}

/** Deletes routes. @throws naming one that is not there */
export function deleteRoutes(routes: readonly RouteSpec[]): void {
  const changes = new NetworkChanges();
  for (const each of routes) changeRoute(changes, RTM_DELROUTE, each, indexOf);
  changes.make();
}

/** Adds to changes what {@linkcode setRoutes} does. @throws {Refusal} for what is no address, or no interface */
export function addRoutes(
  changes: NetworkChanges,
  routes: readonly RouteSpec[],
  find: FindIndex,
): void {
  for (const each of routes) changeRoute(changes, RTM_NEWROUTE, each, find);
}

function changeRoute(
  changes: NetworkChanges,
  type: number,
  route: RouteSpec,
  find: FindIndex,
): void {
  const { dest, src, metric, mtu, onlink, nextHops, gateway, device } = route;
  const isDefault = DEFAULTS.includes(dest);
  const slash = dest.indexOf("/");
  const destination = isDefault
    ? undefined
    : addressBytes(slash < 0 ? dest : dest.substring(0, slash));
  const ways: readonly Way[] = nextHops.length > 0 ? nextHops : [route];
  const isV6 = destination ? addressFamily(destination) === AF_INET6 : isDefaultV6(dest, ways);
  const length = slash < 0 ? "" : dest.substring(slash + 1);
  const flags = onlink ? RTNH_F_ONLINK : 0;
  // struct rtmsg: family, lengths of destination and source, TOS, table, protocol, scope, type, u32 flags.
  changes.begin(`route to ${isDefault ? "default" : dest}`, type)
    .u8(isV6 ? AF_INET6 : AF_INET)
    .u8(destination ? prefixLength(length, destination.length * 8) : 0)
    .u16(0)
    .u8(RT_TABLE_MAIN);
  if (type === RTM_DELROUTE) {
    // One that is to go may have any protocol, scope and type.
    changes.u8(0).u8(RT_SCOPE_NOWHERE).u8(0);
  } else {
    const isDirect = ways.every((way) => way.gateway === "");
    changes.u8(RTPROT_BOOT).u8(isDirect && !isV6 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE)
      .u8(RTN_UNICAST);
  }
  changes.u32(nextHops.length > 0 ? 0 : flags);
  if (destination) changes.attribute(RTA_DST, destination);
  if (nextHops.length > 0) {
    changes.nest(RTA_MULTIPATH, () => {
      for (const hop of nextHops) addHop(changes, hop, { flags, isV6, index: find(hop.device) });
    });
  } else {
    addWay(changes, gateway, isV6);
    if (device !== "") changes.number(RTA_OIF, find(device));
  }
  if (src !== "") changes.attribute(RTA_PREFSRC, addressBytes(src));
  if (metric > 0) changes.number(RTA_PRIORITY, metric);
  if (mtu > 0) changes.nest(RTA_METRICS, () => changes.number(RTAX_MTU, mtu));
}

/** A default route of no version goes where its gateways are. */
function isDefaultV6(dest: string, ways: readonly Way[]): boolean {
  return dest === "::/0" || dest !== "0.0.0.0/0" && ways.some((way) => way.gateway.includes(":"));
}

/** struct rtnexthop: u16 length, u8 flags, u8 weight less one, i32 interface; then attributes. */
function addHop(
  changes: NetworkChanges,
  { gateway, weight }: RouteSpec["nextHops"][number],
  { flags, isV6, index }: { flags: number; isV6: boolean; index: number },
): void {
  const start = changes.end;
  changes.u16(0).u8(flags).u8(Math.min(Math.max(weight, 1), MAX_WEIGHT) - 1).u32(index);
  addWay(changes, gateway, isV6);
  changes.setU16(start, changes.end - start);
}

/** An IPv4 route may lead to an IPv6 gateway: struct rtvia, u16 family and the address. */
function addWay(changes: NetworkChanges, gateway: string, isV6: boolean): void {
  if (gateway === "") return;
  const address = addressBytes(gateway);
  if (isV6 || address.length === 4) changes.attribute(RTA_GATEWAY, address);
  else changes.attribute(RTA_VIA, Uint8Array.from([AF_INET6, 0, ...address]));
}
