import { keptLog, loggingOptions } from "../log.ts";
import { lastingEnvironment, selfCommand, spawn } from "../sys/mod.ts";

/** Which program serves the proxy protocol. */
export type ProxyProgram =
  | { kind: "builtin" }
  /** The original, at this path. */
  | { kind: "cc-proxy"; path: string };

/** How to start a pod's proxy. */
export interface StartProxyOptions {
  /** Where it is to listen: `unix:///path`. */
  url: string;
  /** Whether it ends with this process, however that ends; its log then goes to this process's stderr. */
  dieWithParent: boolean;
  /** Default: the built-in one. */
  program?: ProxyProgram;
  /** The guest's console, a file that grows as the guest likes: the built-in proxy keeps it small. */
  console?: string;
  /** File for the built-in proxy's own log, in JSON. Default: where this process's goes. */
  log?: string;
}

/**
 * Starts a proxy for one pod. It is ready when its socket accepts connections, which `ProxyClient.connect` waits for; it
 * ends by itself after UnregisterVM and the end of the VM.
 *
 * @returns its pid; it is this process's child
 * @throws {SysError} when the program cannot be started
 */
export function startProxy(options: StartProxyOptions): number {
  const { url, dieWithParent, program, log } = options;
  const logging = loggingOptions();
  const { level, format, file } = log === undefined ? logging : keptLog(log, logging.level);
  const args = ["-uri", url, "-log", level];
  const command = program?.kind === "cc-proxy" ? [program.path, ...args] : selfCommand([
    "proxy",
    ...args,
    "-log-format",
    format,
    ...(file === undefined ? [] : ["-log-file", file]),
    ...(options.console === undefined ? [] : ["-console", options.console]),
  ]);
  return spawn({
    command,
    env: lastingEnvironment(),
    detached: true,
    dieWithParent,
    // One that outlives this command must not hold on to the pipe that its stderr may be.
    descriptors: [null, null, dieWithParent ? 2 : null],
  });
}
