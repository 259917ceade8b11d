import { type Fd, lastingEnvironment, type MountView, selfCommand, spawn } from "../sys/mod.ts";
import { GATED_PROC } from "./show_processes.ts";
import { TOKEN_FD, tokenPipe } from "./token_pipe.ts";

/** The shim of a process that a container engine looks after. */
export interface EngineShimOptions {
  container: string;
  /** The proxy's address. */
  url: string;
  token: string;
  /** The process has a terminal, and `stdio` is one. */
  terminal: boolean;
  /** That is for the shim alone: whoever resizes it need not tell. */
  ownTerminal: boolean;
  /** Descriptors that become stdin, stdout and stderr. */
  stdio: readonly [number, number, number];
  /** File for its exit status. */
  exit?: string;
  /** The pod of a container's first process. */
  pod?: string;
  /** File that is made when the process was killed for lack of memory. */
  oom?: string;
  /** The container's control group that counts memory: its watchers are told then. */
  memoryGroup?: string;
  /** File for what the shim itself has to tell, in JSON. */
  diagnostics: string;
  /** Network namespace that it is in, for those who ask for the container's. */
  networkNamespace?: Fd;
  /** What those see who join its mount namespace. */
  view?: MountView;
}

/** Seconds: nobody starts a proxy anew that is lost. */
const RECONNECT_TIME = 1;

/**
 * Starts a shim that stands for a process in the eyes of a container engine: it has the streams that the engine gave,
 * and ends with the exit code of the process.
 *
 * @returns its pid; when this process ends, it is the child of the engine, if that has asked to be a subreaper
 * @throws {SysError}
 */
export function startEngineShim(options: EngineShimOptions): number {
  const { container, url, token, terminal, stdio, exit, diagnostics } = options;
  const { networkNamespace, pod, view } = options;
  const args = [
    "-c",
    container,
    "--token-fd",
    `${TOKEN_FD}`,
    "-u",
    url,
    "-r",
    String(RECONNECT_TIME),
  ];
  args.push("--diagnostics", diagnostics);
  if (exit !== undefined) args.push("--exit", exit);
  if (pod !== undefined) args.push("--pod", pod);
  if (options.oom !== undefined) args.push("--oom", options.oom);
  if (options.memoryGroup !== undefined) args.push("--memory-group", options.memoryGroup);
  if (view && pod !== undefined) args.push("--show-processes");
  if (terminal) args.push("--terminal");
  using secret = tokenPipe(token);
  return spawn({
    command: selfCommand(["shim", ...args]),
    env: lastingEnvironment(),
    cwd: "/",
    detached: true,
    controllingTerminal: options.ownTerminal,
    descriptors: [...stdio, secret.number],
    ...(networkNamespace ? { networkNamespace } : {}),
    ...(view ? { view: { ...view, ...(pod === undefined ? {} : { gatedProc: GATED_PROC }) } } : {}),
  });
}
