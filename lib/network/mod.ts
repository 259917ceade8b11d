/** Networks of pods: the kernel's links, addresses and routes, namespaces, and how a VM is connected. */
export * from "./ip.ts";
export * from "./namespaces.ts";
export * from "./netlink/mod.ts";
export * from "./scan.ts";
export * from "./endpoint_record.ts";
export { type AttachedEndpoint, attachEndpoint, detachEndpoint } from "./endpoints.ts";
export {
  type AttachOptions,
  LONE_TAP,
  type OpenedTap,
  openEndpoint,
  openLoneTap,
} from "./open_tap.ts";
export { captureLink, type LinkSnapshot } from "./link_snapshot.ts";
export * from "./guest_network.ts";
export * from "./choose_endpoints.ts";
export * from "./physical.ts";
export { returnCard, type ReturnOptions } from "./return_card.ts";
