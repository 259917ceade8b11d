/** A part of a pod that runs as a process of its own: it takes its arguments and returns its exit code. */
type Role = (args: string[]) => Promise<number>;

/** Loaded when asked for: these processes start with every pod and carry nothing that they do not need. */
const ROLES: Readonly<Record<string, Role>> = {
  // Past its room's face, which brings the kernel's room along: a pod's start waits for its proxy. What serves shims in
  // it, and only where there are any, comes from their room, which the proxy's does not know.
  proxy: async (args) =>
    await (await import("../proxy/main.ts")).proxyMain(args, async (proxy) => {
      const { DetachedHost } = await import("../shim/detached_host.ts");
      return new DetachedHost(proxy);
    }),
  shim: async (args) => await (await import("../shim/mod.ts")).shimMain(args),
  "console-keeper": async (args) =>
    await (await import("../hypervisor/mod.ts")).consoleKeeperMain(args),
  guest: async () => await (await import("../guest/agent/mod.ts")).guestMain(),
};

/** The part that a first word names. */
export function findRole(word: string): Role | undefined {
  return Object.hasOwn(ROLES, word) ? ROLES[word] : undefined;
}
