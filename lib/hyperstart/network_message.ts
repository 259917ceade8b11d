export interface IpAddress {
  /** Address text; IPv6 is an extension. */
  ipAddress: string;
  /** Prefix length as text. */
  netMask: string;
}

/** A network interface: part of STARTPOD, and SETUPINTERFACE. */
export interface GuestInterface {
  /** Name in the guest before renaming; C hyperstart needs it. */
  device?: string;
  newDeviceName?: string;
  ipAddresses: IpAddress[];
  mtu: number;
  macAddr: string;
  /**
   * Extension: the hardware address that its card was made with, where the interface is to have another one. It has that
   * before it has any address, and loses all of them when the pod stops.
   */
  cardAddr?: string;
}

/** One of several ways of a route. */
export interface GuestNextHop {
  gateway?: string;
  device: string;
  /** Share of the traffic, to 256. 0: 1. */
  weight: number;
}

/** A route: part of STARTPOD, and of SETUPROUTE. */
export interface GuestRoute {
  /** `default` (IPv4) or `address/prefix`; IPv6, `::/0` for its default route, is an extension. */
  dest: string;
  gateway?: string;
  device?: string;
  src?: string;
  /** Extension: lower ones win. 0: the kernel's default. */
  metric?: number;
  /** Extension: bytes. 0: the interface's. */
  mtu?: number;
  /** Extension: the gateway is on the link although no route says so. */
  onlink?: boolean;
  /** Extension: the ways of a route that has several, in place of `gateway` and `device`. */
  nextHops?: GuestNextHop[];
}

/** SETUPROUTE, and the extension that deletes routes. */
export interface SetupRoutes {
  routes: GuestRoute[];
}
