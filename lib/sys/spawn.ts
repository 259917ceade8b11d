import { ChildProgram } from "./child_program.ts";
import { AT_FDCWD, O_CLOEXEC, O_RDWR } from "./fd.ts";
import { cString } from "./memory.ts";
import { enterMountsOf, enterOwnMounts } from "./mount_namespace.ts";
import { enterView, type MountView, passGate } from "./mount_view.ts";
import { SYS } from "./numbers.ts";
import { TIOCSCTTY } from "./terminal.ts";
import type { Fd } from "./fd.ts";

const CLONE_NEWNET = 0x40000000;
const CLOSE_RANGE_CLOEXEC = 4;
const F_DUPFD = 0;
const PR_SET_PDEATHSIG = 1, SIGKILL = 9;

/** What a process started by {@linkcode spawn} gets. */
export interface SpawnOptions {
  /** Program and arguments; the program is an absolute path. */
  command: readonly string[];
  /** What is executed, where the program is to be told another name of itself. Default: the first of `command`. */
  program?: string;
  /** Environment. Default: this process's own. */
  env?: Readonly<Record<string, string>>;
  /** Working directory. Default: this process's own. */
  cwd?: string;
  /** Descriptors for 0, 1, 2 and on; `null` is /dev/null. Nothing else is inherited. */
  descriptors?: readonly (number | null)[];
  /** It is killed when the thread that started it, this process's main thread, ends in any way. */
  dieWithParent?: boolean;
  /** A session of its own, away from the terminal: it outlives this command and its signals. */
  detached?: boolean;
  /** Network namespace to run in. */
  networkNamespace?: Fd;
  /** Directory to be read-only in a mount namespace of the process's own: see {@linkcode enterOwnMounts}. */
  ownMounts?: string;
  /** Pid of a process whose mount namespace to join instead. */
  mountsOf?: number;
  /** What is shown to those who join its mount namespace: see {@linkcode enterView}. */
  view?: MountView;
  /** Makes descriptor 0 the controlling terminal, for a process that is `detached`. */
  controllingTerminal?: boolean;
}

/**
 * Starts a program. The child belongs to this process, which collects its status (`collectChild`); when this process
 * ends before it, init does.
 *
 * @returns its pid
 * @throws {SysError} naming what failed: the program that is not there, the namespace that cannot be joined
 */
export function spawn(options: SpawnOptions): number {
  const { command, descriptors = [null, null, null] } = options;
  const program = new ChildProgram();
  if (options.networkNamespace) {
    const namespace = options.networkNamespace.number;
    program.call("setns", "network namespace", SYS.setns, namespace, CLONE_NEWNET);
  }
  if (options.ownMounts !== undefined) enterOwnMounts(program, options.ownMounts);
  if (options.mountsOf !== undefined) enterMountsOf(program, options.mountsOf);
  if (options.detached) program.call("setsid", "the child", SYS.setsid);
  if (options.dieWithParent) {
    program.call("prctl", "death signal", SYS.prctl, PR_SET_PDEATHSIG, SIGKILL);
  }
  const gated = options.view ? enterView(program, options.view) : undefined;
  if (options.cwd !== undefined) {
    program.call("chdir", options.cwd, SYS.chdir, cString(options.cwd));
  }
  passDescriptors(program, descriptors);
  if (gated) passGate(program, gated, options.view!.gatedProc!);
  if (options.controllingTerminal) {
    program.call("ioctl", "terminal", SYS.ioctl, 0, TIOCSCTTY, 0);
  }
  const env = Object.entries(options.env ?? Deno.env.toObject());
  program.exec(
    options.program ?? command[0]!,
    command,
    env.map(([name, value]) => `${name}=${value}`),
  );
  return program.start();
}

/** Lays `descriptors` on 0, 1, 2 and on; first out of the way, so that none overwrites one that is still to come. */
function passDescriptors(program: ChildProgram, descriptors: readonly (number | null)[]): void {
  const clear = Math.max(descriptors.length, 3);
  const moved = descriptors.map((each) => {
    const from = each ?? program.call(
      "open",
      "/dev/null",
      SYS.openat,
      AT_FDCWD,
      cString("/dev/null"),
      O_RDWR | O_CLOEXEC,
    );
    return program.call("fcntl", "descriptor", SYS.fcntl, from, F_DUPFD, clear);
  });
  program.call(
    "close_range",
    "descriptors",
    SYS.close_range,
    clear,
    0xffffffff,
    CLOSE_RANGE_CLOEXEC,
  );
  moved.forEach((from, to) => program.call("dup3", `descriptor ${to}`, SYS.dup3, from, to, 0));
}
