/** Networks of pods: the kernel's links, addresses and routes, namespaces, and how a VM is connected. */
export * from "./ip.ts";
export * from "./namespaces.ts";
export * from "./netlink/mod.ts";
export * from "./scan.ts";
