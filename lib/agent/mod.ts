/** The agent in the VM, as the host drives it. */
export type * from "./agent.ts";
export { cutHostname, MAX_HOSTNAME } from "./hostname.ts";
export { HyperstartAgent, type HyperstartOptions } from "./hyperstart/agent.ts";
export { guestPorts, MOUNT_TAG } from "./hyperstart/devices.ts";
export { ROOTFS } from "./hyperstart/messages.ts";
export { NoopAgent } from "./noop.ts";
