/** The agent in the VM, as the host drives it. */
export type * from "./agent.ts";
export { cutHostname, MAX_HOSTNAME } from "./hostname.ts";
export { HyperstartAgent } from "./hyperstart/agent.ts";
export type { GuestAddress } from "./hyperstart/guest_connection.ts";
export { guestPorts, MOUNT_TAG } from "./hyperstart/devices.ts";
export { ROOTFS } from "./hyperstart/messages.ts";
export { NoopAgent } from "./noop.ts";
