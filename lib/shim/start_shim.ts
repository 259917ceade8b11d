import { selfCommand, spawn } from "../sys/mod.ts";

/** The shim of a process that runs in the background. */
export interface StartShimOptions {
  container: string;
  /** The proxy's address. */
  url: string;
  token: string;
  /** The process has a terminal. */
  terminal: boolean;
  /** File for its output. */
  log: string;
  /** File for its exit status. */
  exit: string;
  /** Socket for those who attach. */
  attach: string;
}

/**
 * Starts a shim that outlives this command. It holds none of this command's descriptors, so that nobody who reads them
 * to their end waits for it.
 *
 * @returns its pid
 * @throws {SysError}
 */
export function startShim(options: StartShimOptions): number {
  const { container, url, token, terminal, log, exit, attach } = options;
  const args = ["-c", container, "-t", token, "-u", url];
  args.push("--log", log, "--exit", exit, "--attach", attach);
  if (terminal) args.push("--terminal");
  return spawn({
    command: selfCommand(["shim", ...args]),
    cwd: "/",
    detached: true,
    descriptors: [null, null, null],
  });
}
