import { Failure, messageOf } from "../failure.ts";
import { getLogger } from "../log.ts";
import {
  collectChild,
  type ExitStatus,
  memoryFile,
  openProcess,
  readEnd,
  signalName,
  signalOpened,
  SIGNALS,
  spawn,
  waitForEnd,
} from "../sys/mod.ts";

/** A program to be run at a point of a container's life (runtime-spec 1.1, config.md, "POSIX-platform Hooks"). */
export interface Hook {
  /** Absolute path. */
  path: string;
  /** With the program's name as its first. Default: the path alone. */
  args?: string[];
  /** `NAME=VALUE`. Default: the runtime's own environment. */
  env?: string[];
  /** Seconds until it is killed. Default: never. */
  timeout?: number;
}

/** The points at which hooks run, in their order. */
export const HOOK_PHASES = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;

export type HookPhase = typeof HOOK_PHASES[number];

/** `hooks` of config.json. */
export type Hooks = { readonly [phase in HookPhase]?: readonly Hook[] };

/** A container's state, as hooks and `state` are told it (runtime-spec 1.1, runtime.md, "State"). */
export interface OciState {
  ociVersion: string;
  id: string;
  status: "creating" | "created" | "running" | "stopped";
  /** Not there when there is no process. */
  pid?: number;
  /** Absolute path of the bundle's directory. */
  bundle: string;
  annotations?: Readonly<Record<string, string>>;
}

/** Phases whose failures are told and change nothing; those of the others end the container. */
const HARMLESS: readonly HookPhase[] = ["poststart", "poststop"];
/** Bytes of what a hook that failed has written that an error quotes. */
const QUOTED = 400;

/**
 * Runs the hooks of one phase on the host, one after the other, each with the state on its stdin and without a
 * terminal. The phase `startContainer` is the guest's, and not for here.
 *
 * @throws {Failure} naming the first hook that fails, where failing ends the container; the rest are not run then
 */
export async function runHooks(phase: HookPhase, hooks: Hooks, state: OciState): Promise<void> {
  for (const hook of hooks[phase] ?? []) {
    try {
      await runHook(phase, hook, state);
    } catch (error) {
      if (!HARMLESS.includes(phase)) throw error;
      getLogger("oci").warn(messageOf(error), { container: state.id });
    }
  }
}

async function runHook(phase: HookPhase, hook: Hook, state: OciState): Promise<void> {
  const { path, args = [], timeout } = hook;
  const failed = (why: string, cause?: unknown) =>
    new Failure(`Cannot go on with the container ${state.id}: its ${phase} hook ${path} ${why}`, {
      cause,
    });
  using stdin = memoryFile("state", new TextEncoder().encode(JSON.stringify(state)));
  using output = memoryFile("output");
  let pid: number;
  try {
    pid = spawn({
      program: path,
      command: args.length === 0 ? [path] : args,
      ...(hook.env ? { env: environment(hook.env) } : {}),
      cwd: state.bundle,
      descriptors: [stdin.number, output.number, output.number],
    });
  } catch (error) {
    throw failed(`could not be run: ${messageOf(error)}`, error);
  }
  using process = openProcess(pid)!;
  const inTime = await waitForEnd(process, timeout === undefined ? -1 : timeout * 1000);
  if (!inTime) {
    signalOpened(process, SIGNALS.KILL!);
    await waitForEnd(process);
  }
  const status = collectChild(pid);
  if (!inTime) throw failed(`did not end within ${timeout} s`);
  if (status?.kind === "exited" && status.code === 0) return;
  throw failed(`${describe(status)}${quote(new TextDecoder().decode(readEnd(output, QUOTED)))}`);
}

function describe(status: ExitStatus | undefined): string {
  if (status?.kind !== "signalled") return `ended with status ${status?.code ?? "unknown"}`;
  return `was ended by the signal ${signalName(status.signal)}`;
}

function quote(text: string): string {
  return text.trim() === "" ? "" : `: ${text.trim()}`;
}

function environment(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf("=");
    return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
  }));
}
