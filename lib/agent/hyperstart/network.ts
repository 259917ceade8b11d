import {
  type GuestDialect,
  type GuestInterface,
  type GuestRoute,
  isCDialect,
} from "../../hyperstart/mod.ts";
import type { Logger } from "../../log.ts";

/** Interfaces and routes as a guest takes them. */
export interface DialectNetwork {
  interfaces: GuestInterface[];
  routes: GuestRoute[];
}

/**
 * Says a pod's network in a guest's words (hyperstart-protocol 7.8, 7.9). What the guest cannot do is left out with one
 * warning each. C hyperstart 1.1 finds a card by its name alone: cards are eth0, eth1 … in the order of the list.
 */
export function networkFor(
  dialect: GuestDialect,
  { interfaces, routes }: Readonly<{
    interfaces: readonly GuestInterface[];
    routes: readonly GuestRoute[];
  }>,
  logger: Logger,
): DialectNetwork {
  const addressed = interfaces.map((each, index) => interfaceFor(dialect, each, index, logger));
  return {
    // C hyperstart 0.7 refuses one without an address, and the whole pod with it.
    interfaces: addressed.filter(({ ipAddresses }) =>
      dialect !== "c4242" || ipAddresses.length > 0
    ),
    routes: directFirst(
      routes.flatMap((route) =>
        dialect === "builtin" && comesWithAddress(route, interfaces)
          ? []
          : routeFor(dialect, route, logger)
      ),
    ),
  };
}

function interfaceFor(
  dialect: GuestDialect,
  { device, newDeviceName, ipAddresses, mtu, macAddr, cardAddr }: GuestInterface,
  index: number,
  logger: Logger,
): GuestInterface {
  const name = newDeviceName ?? "";
  const kept = ipAddresses.filter(({ ipAddress: address }) => {
    if (dialect === "builtin" || !isIpv6(address)) return true;
    logger.warn("unsupported address", {
      "unsupported-address-type": "ipv6",
      address,
      interface: name,
    });
    return false;
  });
  const rest = { ipAddresses: kept, mtu };
  if (dialect !== "c4244") {
    return {
      ...(device === undefined || dialect === "go" ? {} : { device }),
      ...(name === "" ? {} : { newDeviceName: name }),
      ...rest,
      macAddr,
      ...(cardAddr === undefined || dialect !== "builtin" ? {} : { cardAddr }),
    };
  }
  const card = device ?? `eth${index}`;
  const renamed = name === "" || name === card ? {} : { newDeviceName: name };
  // The type wants a MAC, this guest must not get one.
  return { device: card, ...renamed, ...rest } as GuestInterface;
}

function routeFor(dialect: GuestDialect, route: GuestRoute, logger: Logger): GuestRoute[] {
  if (dialect === "builtin") return [route];
  const { dest, src, nextHops = [] } = route;
  // The one that most of the traffic is to take.
  const [first] = nextHops.toSorted((a, b) => b.weight - a.weight);
  const gateway = route.gateway ?? first?.gateway ?? "";
  const device = route.device ?? first?.device;
  const warn = (kind: string) =>
    logger.warn("unsupported route", {
      "unsupported-route-type": kind,
      destination: dest,
      ...(gateway === "" ? {} : { gateway }),
    });
  if (isIpv6(dest) || isIpv6(gateway)) {
    warn("ipv6");
    return [];
  }
  if (nextHops.length > 1) warn("multipath");
  return [{
    dest: dest === "" ? "default" : dest,
    ...(gateway === "" ? {} : { gateway }),
    ...(device === undefined ? {} : { device }),
    ...(src === undefined || isCDialect(dialect) ? {} : { src }),
  }];
}

/** Whether the guest's kernel makes a route by itself, with the address that it is for (IPv4). */
function comesWithAddress(
  { dest, src, device, gateway = "", nextHops = [], metric = 0, mtu = 0 }: GuestRoute,
  interfaces: readonly GuestInterface[],
): boolean {
  const isPlain = gateway === "" && nextHops.length === 0 && metric === 0 && mtu === 0;
  if (!isPlain || src === undefined) return false;
  return interfaces.some(({ newDeviceName, ipAddresses }) =>
    newDeviceName === device &&
    ipAddresses.some(({ ipAddress, netMask }) =>
      ipAddress === src && dest === networkOf(ipAddress, Number(netMask))
    )
  );
}

/** The network that an IPv4 address is in, `address/prefix`; nothing for an address that stands for itself alone. */
function networkOf(address: string, length: number): string | undefined {
  if (isIpv6(address) || !(length > 0 && length < 32)) return undefined;
  const bytes = address.split(".").map((part, at) => {
    const hosts = 8 - Math.min(Math.max(length - at * 8, 0), 8);
    return Number(part) >> hosts << hosts;
  });
  return `${bytes.join(".")}/${length}`;
}

/** A gateway can be entered only once the route to it is there. */
function directFirst(routes: readonly GuestRoute[]): GuestRoute[] {
  const direct = ({ gateway = "", nextHops = [] }: GuestRoute) =>
    gateway === "" && nextHops.every((hop) => (hop.gateway ?? "") === "");
  return [...routes.filter(direct), ...routes.filter((route) => !direct(route))];
}

function isIpv6(address: string): boolean {
  return address.includes(":");
}
