import type { GuestInterface, GuestRoute } from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import { linkLocalOf } from "./ip.ts";
import {
  type Address,
  ADDRESS_FLAGS,
  ADDRESS_PROTOCOLS,
  type NextHop,
  type Route,
  ROUTE_PROTOCOLS,
} from "./netlink/mod.ts";
import type { ScannedLink } from "./scan.ts";

const logger = getLogger("network");
const DEFAULT_LABEL = "default", DEFAULT_IPV4 = "0.0.0.0/0";

/** Something of the namespace that the guest does not get. */
export interface Skipped {
  what: "address" | "route";
  /** Why: `duplicate` (address), or the property that a message lacks. */
  kind: string;
  interface: string;
  /** The address, or the route's destination. */
  value: string;
  gateway: string;
}

/** Interfaces and routes as the guest protocol has them. */
export interface GuestNetwork {
  interfaces: GuestInterface[];
  /** In an order in which they can be made. */
  routes: GuestRoute[];
  skipped: Skipped[];
}

/**
 * What a guest is to make of the interfaces that are connected to it (hyperstart-protocol 7.8 and 7.9): names, MTU,
 * hardware addresses, IP addresses but for loopback ones, and the routes of the main table. What the guest's kernel makes
 * by itself, link-local addresses and what routers advertise, is left to it. It is all that the built-in guest takes; the
 * driver leaves out what another one does not.
 *
 * @param links that are connected; a loopback link is passed over
 */
export function buildGuestNetwork(
  links: readonly ScannedLink[],
): GuestNetwork {
  const skipped: Skipped[] = [];
  const connected = links.filter((link) => !link.loopback);
  const names = new Map(connected.map(({ index, name }) => [index, name]));
  const interfaces = connected.map((link) => ({
    newDeviceName: link.name,
    ipAddresses: guestAddresses(link, skipped),
    mtu: link.mtu,
    macAddr: link.mac,
  }));
  // A route with several ways is there with each of its links.
  const unique = new Map(connected.flatMap((link) => link.routes.map((route) => [route, link])));
  const routes = [...unique].flatMap(([route, link]) => {
    const built = guestRoute(route, link.name, names, skipped);
    return built ? [built] : [];
  });
  return { interfaces, routes: directFirst(routes), skipped };
}

/** Logs one warning for each of them. */
export function warnOfSkipped(skipped: readonly Skipped[]): void {
  for (const { what, kind, value, gateway, interface: device } of skipped) {
    const of: Record<string, string> = what === "address"
      ? { address: value }
      : { destination: value, ...(gateway === "" ? {} : { gateway }) };
    logger.warn(`unsupported ${what}`, {
      [`unsupported-${what}-type`]: kind,
      ...of,
      interface: device,
    });
  }
}

/** A gateway can be entered only once the route to it is there. */
function directFirst(routes: readonly GuestRoute[]): GuestRoute[] {
  const direct = ({ gateway = "", nextHops = [] }: GuestRoute) =>
    gateway === "" && nextHops.every((hop) => (hop.gateway ?? "") === "");
  return [...routes.filter(direct), ...routes.filter((route) => !direct(route))];
}

function guestAddresses(
  link: ScannedLink,
  skipped: Skipped[],
): GuestInterface["ipAddresses"] {
  const skip = (kind: string, value: string) =>
    void skipped.push({ what: "address", kind, interface: link.name, value, gateway: "" });
  return link.addresses.flatMap((address) => {
    const { address: ipAddress, prefixLength } = address;
    const text = `${ipAddress}/${prefixLength}`;
    if (isLoopback(address) || comesByItself(address, link.mac)) return [];
    if (address.flags & ADDRESS_FLAGS.DADFAILED) return skip("duplicate", text) ?? [];
    return [{ ipAddress, netMask: String(prefixLength) }];
  });
}

function isLoopback({ family, address }: Address): boolean {
  return family === 4 ? address.startsWith("127.") : address === "::1";
}

/** The guest's kernel gives itself this address: from its hardware address, or from a router's word. */
function comesByItself({ family, address, protocol }: Address, mac: string): boolean {
  if (family !== 6) return false;
  return protocol === ADDRESS_PROTOCOLS.linkLocal ||
    protocol === ADDRESS_PROTOCOLS.routerAdvertisement ||
    (address.startsWith("fe80:") && address === linkLocalOf(mac));
}

function guestRoute(
  route: Route,
  link: string,
  names: ReadonlyMap<number, string>,
  skipped: Skipped[],
): GuestRoute | undefined {
  const { family, destination, protocol, metric, mtu, source } = route;
  const made: readonly number[] = [ROUTE_PROTOCOLS.kernel, ROUTE_PROTOCOLS.ra];
  const gateway = route.hops.find((hop) => hop.gateway !== "")?.gateway ?? "";
  const skip = (kind: string) =>
    void skipped.push({ what: "route", kind, interface: link, value: destination, gateway });
  if (family === 6 && made.includes(protocol)) return;
  if (route.type !== "unicast") return skip(route.type);
  if (route.from !== undefined) return skip("source");
  if (route.tos !== 0) return skip("tos");
  const hops = route.hops.filter((hop) => names.has(hop.link));
  if (hops.length < route.hops.length) skip("interface");
  const [first] = hops;
  if (!first) return;
  const dest = destination === DEFAULT_IPV4 ? DEFAULT_LABEL : destination;
  return {
    dest,
    ...(hops.length > 1
      ? { nextHops: hops.map((hop) => ({ ...wayOf(hop, names), weight: hop.weight })) }
      : wayOf(first, names)),
    ...(source === undefined ? {} : { src: source }),
    ...(metric ? { metric } : {}),
    ...(mtu ? { mtu } : {}),
    ...(hops.some((hop) => hop.onlink) ? { onlink: true } : {}),
  };
}

function wayOf(
  { gateway, link }: NextHop,
  names: ReadonlyMap<number, string>,
): { gateway?: string; device: string } {
  const device = names.get(link)!;
  return gateway === "" ? { device } : { gateway, device };
}
