import type { Fd } from "../sys/mod.ts";
import {
  type Address,
  type Link,
  listAddresses,
  listLinks,
  listNeighbours,
  listRoutes,
  type Neighbour,
  NetlinkSocket,
  type Route,
  ROUTE_TABLES,
} from "./netlink/mod.ts";

/** A link with all that belongs to it. */
export interface ScannedLink extends Link {
  addresses: Address[];
  /** Routes of the main table that lead through it, among others or alone. */
  routes: Route[];
  /** Those of other tables, but for the kernel's own table of local addresses. */
  otherRoutes: Route[];
  neighbours: Neighbour[];
}

/** What was found in a network namespace. */
export interface NamespaceScan {
  /** By index, in the kernel's order. */
  links: ScannedLink[];
  /** Routes that lead through no link: blackholes and the like. */
  unboundRoutes: Route[];
}

/**
 * Reads a network namespace: every link with its addresses, routes and neighbours, in four dumps.
 *
 * @param source the namespace, or a connection that is in it
 * @throws {NetlinkError}
 */
export function scanNamespace(source: Fd | NetlinkSocket): NamespaceScan {
  if (source instanceof NetlinkSocket) return scan(source);
  using socket = NetlinkSocket.open(source);
  return scan(socket);
}

/**
 * Reads the links of a network namespace and their addresses, but neither routes nor neighbours: in half the time.
 *
 * @throws {NetlinkError}
 */
export function scanLinks(namespace: Fd): ScannedLink[] {
  using socket = NetlinkSocket.open(namespace);
  return [...linksWithAddresses(socket).values()];
}

function linksWithAddresses(socket: NetlinkSocket): Map<number, ScannedLink> {
  const byIndex = new Map<number, ScannedLink>();
  for (const link of listLinks(socket)) {
    const nothing = { addresses: [], routes: [], otherRoutes: [], neighbours: [] };
    byIndex.set(link.index, Object.assign(link, nothing));
  }
  // A link that came or went between two dumps is as if it had come after, or gone before.
  for (const address of listAddresses(socket)) byIndex.get(address.link)?.addresses.push(address);
  return byIndex;
}

function scan(socket: NetlinkSocket): NamespaceScan {
  const byIndex = linksWithAddresses(socket);
  const unboundRoutes: Route[] = [];
  for (const route of listRoutes(socket, { local: false })) {
    const key = route.table === ROUTE_TABLES.main ? "routes" : "otherRoutes";
    if (route.hops.length === 0) unboundRoutes.push(route);
    else if (route.hops.length === 1) byIndex.get(route.hops[0]!.link)?.[key].push(route);
    else for (const link of linksOf(route)) byIndex.get(link)?.[key].push(route);
  }
  for (const each of listNeighbours(socket)) byIndex.get(each.link)?.neighbours.push(each);
  return { links: [...byIndex.values()], unboundRoutes };
}

function linksOf({ hops }: Route): Set<number> {
  return new Set(hops.map(({ link }) => link));
}
