import {
  lastingEnvironment,
  O_APPEND,
  O_CREAT,
  O_WRONLY,
  open,
  selfCommand,
  spawn,
} from "../sys/mod.ts";
import type { ShimProgram } from "./program.ts";
import { TOKEN_FD, tokenPipe } from "./token_pipe.ts";

/** The shim of a process that runs in the background. */
export interface StartShimOptions {
  container: string;
  /** The proxy's address. */
  url: string;
  token: string;
  /** The process has a terminal. */
  terminal: boolean;
  /** Its stdin stays open for those who attach; otherwise it is at its end from the start. */
  interactive: boolean;
  /** File for its output. */
  log: string;
  /** File for its exit status. */
  exit: string;
  /** Its pod, whose guest is asked whether it has run out of memory. Default: nobody is asked. */
  pod?: string;
  /** Socket for those who attach. */
  attach: string;
  /** File for what the shim itself has to tell, in JSON. */
  diagnostics: string;
  /** Which program does the work; default: the built-in one. cc-shim takes nobody who attaches. */
  program?: ShimProgram;
}

/**
 * Starts a shim that outlives this command. It holds none of this command's descriptors, so that nobody who reads them
 * to their end waits for it.
 *
 * @returns its pid
 * @throws {SysError}
 */
export function startShim(options: StartShimOptions): number {
  const { container, url, token, terminal, interactive, log, exit, attach, diagnostics, program } =
    options;
  const args = ["-c", container, "--token-fd", `${TOKEN_FD}`, "-u", url];
  args.push("--log", log, "--exit", exit, "--attach", attach);
  if (options.pod !== undefined) args.push("--pod", options.pod);
  if (terminal) args.push("--terminal");
  if (interactive) args.push("--interactive");
  if (program?.kind === "cc-shim") args.push("--program", program.path);
  using secret = tokenPipe(token);
  using stderr = open(diagnostics, O_WRONLY | O_CREAT | O_APPEND, 0o600);
  return spawn({
    command: selfCommand(["shim", ...args]),
    env: { ...lastingEnvironment(), PODVISOR_LOG_FORMAT: "json", PODVISOR_LOG_LEVEL: "info" },
    cwd: "/",
    detached: true,
    descriptors: [null, null, stderr.number, secret.number],
  });
}
