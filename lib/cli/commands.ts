import type { CommandEntry } from "./command.ts";

/** The commands, in the order of the help. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  run: {
    summary: "Run a command in a container in a VM of its own",
    load: async () => (await import("./commands/run.ts")).run,
  },
  gc: {
    summary: "Remove what killed commands left behind",
    load: async () => (await import("./commands/gc.ts")).gc,
  },
  setup: {
    summary: "Prepare this host",
    load: async () => (await import("./commands/setup.ts")).setup,
  },
  check: {
    summary: "Say what this host has and lacks",
    load: async () => (await import("./commands/check.ts")).check,
  },
};
