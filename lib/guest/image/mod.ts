/** Builds what a VM boots from, on the host. */
export { type AgentRuntime, compiledRuntime, sourceRuntime } from "./agent_runtime.ts";
export { buildGuest, type BuildOptions, findGuest, type GuestImage } from "./build.ts";
export { embeddedGuest } from "./embedded.ts";
export { findKernel, type HostKernel } from "./kernel.ts";
