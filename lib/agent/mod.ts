/** The agent in the VM, as the host drives it. */
export type * from "./agent.ts";
export { cutHostname, MAX_HOSTNAME } from "./hostname.ts";
export { HyperstartAgent, type HyperstartOptions, MOUNT_TAG } from "./hyperstart/agent.ts";
export { ROOTFS } from "./hyperstart/messages.ts";
