import { Fields } from "./fields.ts";
import type { Complete } from "./complete.ts";
import type { GuestInterface, GuestRoute, SetupRoutes } from "./network_message.ts";

const MAX_U32 = 0xffffffff;
/** The kernel keeps the weight of a next hop, less one, in a byte. */
const MAX_WEIGHT = 256;

/** Reads an interface: part of STARTPOD, and SETUPINTERFACE. */
export function guestInterface(fields: Fields): Complete<GuestInterface> {
  return {
    device: fields.string("device"),
    newDeviceName: fields.string("newDeviceName"),
    ipAddresses: fields.objects("ipAddresses", (address) => ({
      ipAddress: address.string("ipAddress"),
      netMask: address.string("netMask"),
    })),
    mtu: fields.integer("mtu", MAX_U32),
    macAddr: fields.string("macAddr"),
    cardAddr: fields.string("cardAddr"),
  };
}

/** Reads a route: part of STARTPOD and SETUPROUTE. */
export function guestRoute(fields: Fields): Complete<GuestRoute> {
  return {
    dest: fields.string("dest"),
    gateway: fields.string("gateway"),
    device: fields.string("device"),
    src: fields.string("src"),
    metric: fields.integer("metric", MAX_U32),
    mtu: fields.integer("mtu", MAX_U32),
    onlink: fields.boolean("onlink"),
    nextHops: fields.objects("nextHops", (hop) => ({
      gateway: hop.string("gateway"),
      device: hop.string("device"),
      weight: hop.integer("weight", MAX_WEIGHT),
    })),
  };
}

/** Reads SETUPINTERFACE. */
export function parseSetupInterface(payload: Uint8Array): Complete<GuestInterface> {
  return guestInterface(Fields.parse(payload, "setupinterface"));
}

/** Reads SETUPROUTE. */
export function parseSetupRoutes(payload: Uint8Array): Complete<SetupRoutes> {
  return { routes: Fields.parse(payload, "setuproute").objects("routes", guestRoute) };
}
