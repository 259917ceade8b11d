/**
 * Starting processes in other namespaces, with other roots, users and capabilities.
 *
 * The runtime's threads rule out `fork` followed by JavaScript. A child program is a list of system calls instead,
 * written down beforehand and run by a vfork child (clone(2), CLONE_VM | CLONE_VFORK) that shares this process's memory
 * for as long as the list takes. Results of earlier calls can be arguments of later ones. It costs no copy of page
 * tables and no native helper, and what failed is known by name.
 */
import { ENOENT, ENOTDIR } from "./errno.ts";
import { SysError } from "./error.ts";
import { FUTEX_CMP_REQUEUE_PRIVATE, FUTEX_WAIT_PRIVATE } from "./futex.ts";
import { HeldImage } from "./held_image.ts";
import { HeldProcess } from "./held_process.ts";
import { cString, cStringArray } from "./memory.ts";
import { memoryFile } from "./memory_file.ts";
import { SYS } from "./numbers.ts";
import { type ChildArg, IGNORE, type Operation, Result, SPLIT, STOP } from "./operation.ts";
import { bytesOf, OperationBlock } from "./operation_block.ts";
import { ParkedProcess } from "./parked_process.ts";
import { SIGNALS } from "./signals.ts";
import { rawSyscall, runInChild, syscall } from "./syscall.ts";

const F_SETFD = 2, AT_EMPTY_PATH = 0x1000;
const CLONE_VM = 0x100, CLONE_FILES = 0x400, CLONE_VFORK = 0x4000, CLONE_PARENT = 0x8000;
const SIGCHLD = 17;
const SIG_SETMASK = 2;
/**
 * Caught signals are reset by execve, ignored ones are not. The runtime ignores SIGPIPE, and whoever started it may have
 * had any other ignored: a shell SIGINT for its background jobs, nohup SIGHUP, a C library one of its own.
 */
const HIGHEST_SIGNAL = 64;
/** Calls that return a descriptor. */
const OPENING: readonly number[] = [
  SYS.openat,
  SYS.openat2,
  SYS.open_tree,
  SYS.fsopen,
  SYS.fsmount,
];

/** A child to be started: write its calls in order, the last of them {@linkcode ChildProgram.exec}, then start it. */
export class ChildProgram {
  readonly #operations: Operation[] = [];
  readonly #executions: Result[] = [];
  /** Memory that only pointers inside other memory refer to. */
  readonly #kept: unknown[] = [];
  /** Statuses of programs that run first. */
  readonly #statuses: Int32Array[] = [];
  #results: BigInt64Array | undefined;
  #signalsReset = false;
  /** From which call on the program waits until it is let go on, and the descriptors that it needs then. */
  #held: { from: number; descriptors: readonly number[] } | undefined;

  /** Adds a call that must succeed. `call` and `operand` are what the error says. */
  call(call: string, operand: string, number: number, ...args: ChildArg[]): Result {
    return this.#add({ call, operand, number, args, onError: STOP });
  }

  /** Adds a call whose failure does not matter. */
  attempt(call: string, operand: string, number: number, ...args: ChildArg[]): Result {
    return this.#add({ call, operand, number, args, onError: IGNORE });
  }

  /**
   * Goes on in a child of the child, with these further clone flags. It is this process's child too (CLONE_PARENT),
   * and takes effect what the child joined for its children alone: a pid namespace.
   */
  split(cloneFlags = 0): void {
    const flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT | SIGCHLD | cloneFlags;
    this.#add({
      call: "clone",
      operand: "a child",
      number: SYS.clone,
      args: [flags, 0],
      onError: SPLIT,
    });
  }

  /**
   * Runs another program first, in a child of the child, and goes on when that has ended well. It holds up the calling
   * thread too.
   *
   * @param what what fails otherwise, for the error, as `call`
   * @param write adds the other program's calls, the last of them {@linkcode ChildProgram.exec}
   * @returns its status, as wait(2) has it: one word
   */
  runFirst(what: string, operand: string, write: (program: ChildProgram) => void): Int32Array {
    const at = this.#operations.length;
    const flags = CLONE_VM | CLONE_VFORK | SIGCHLD;
    const args = [flags, 0];
    const child = this.#add({
      call: what,
      operand,
      number: SYS.clone,
      args,
      onError: SPLIT,
    });
    const before = this.#signalsReset;
    write(this);
    this.#signalsReset = before;
    this.#executions.length = 0;
    this.#operations[at]!.onError = SPLIT + this.#operations.length - 1 - at;
    const status = new Int32Array([-1, 0]);
    this.#statuses.push(status);
    const memory = new Uint8Array(status.buffer);
    this.call("wait4", operand, SYS.wait4, child, memory, 0, 0);
    // With nobody to wake, this call says whether a word has a value (futex(2), EAGAIN).
    const nowhere = this.keep(new Uint8Array(4));
    this.call(what, operand, SYS.futex, memory, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, nowhere, 0);
    return status;
  }

  /** Makes `memory` live as long as this program. */
  keep<T>(memory: T): T {
    this.#kept.push(memory);
    return memory;
  }

  /**
   * What a call returned when the program ran last: -errno for an error, -1 when it was not reached. A descriptor that
   * was opened with CLONE_FILES is this process's own, also when a later call has failed.
   */
  resultOf({ index }: Result): number {
    return Number(this.#results?.[index] ?? -1n);
  }

  /** The calls in order, each with what it is called on: what a program does, as text. */
  outline(): string[] {
    return this.#operations.map(({ call, operand }) => `${call} ${operand}`);
  }

  /**
   * The last call: runs the first of `paths` that can be executed, with an empty signal mask and the default action for
   * every signal. When none can, the error is that of the first that is there.
   */
  exec(
    paths: string | readonly string[],
    argv: readonly string[],
    env: readonly string[],
  ): void {
    this.resetSignals();
    const args = cStringArray(argv);
    const vars = cStringArray(env);
    const candidates = typeof paths === "string" ? [paths] : paths;
    candidates.forEach((path, at) => {
      const onError = at === candidates.length - 1 ? STOP : IGNORE;
      const operands = [cString(path), args, vars];
      const operation = { call: "execve", operand: path, number: SYS.execve, args: operands };
      this.#executions.push(this.#add({ ...operation, onError }));
    });
  }

  /**
   * Gives every signal its default action and empties the mask, once: {@linkcode ChildProgram.exec} does it where
   * nobody has. For programs that may make few calls in the end.
   */
  resetSignals(): void {
    if (this.#signalsReset) return;
    this.#signalsReset = true;
    // struct sigaction of the kernel: handler, flags, restorer, mask; all zero is SIG_DFL.
    const byDefault = this.keep(new Uint8Array(32));
    for (let signal = 1; signal <= HIGHEST_SIGNAL; signal++) {
      if (signal === SIGNALS.KILL || signal === SIGNALS.STOP) continue;
      this.call("rt_sigaction", `signal ${signal}`, SYS.rt_sigaction, signal, byDefault, 0, 8);
    }
    this.call(
      "rt_sigprocmask",
      "no signal",
      SYS.rt_sigprocmask,
      SIG_SETMASK,
      new Uint8Array(8),
      0,
      8,
    );
  }

  /**
   * Here the program waits until it is let go on: see {@linkcode ChildProgram.startHeld}. It then has the results of no
   * earlier call.
   *
   * @param descriptors those of this process that later calls name
   */
  hold(descriptors: readonly number[] = []): void {
    this.resetSignals();
    this.#held = { from: this.#operations.length, descriptors };
  }

  /**
   * Runs the program up to {@linkcode ChildProgram.hold}. The child has memory of its own there, and this thread goes
   * on: the rest of the calls is in a program that the child executes, with nothing of this process in it.
   *
   * @param cloneFlags namespaces to make (CLONE_NEW…)
   * @throws {SysError} naming the first call that failed; the child has then been reaped
   */
  startHeld(cloneFlags = 0): HeldProcess {
    if (!this.#held) throw new TypeError("Cannot hold a program that waits nowhere");
    const { from, descriptors } = this.#held;
    using undo = new DisposableStack();
    const held = undo.use(
      new HeldProcess((index, error, results) => {
        const all = new BigInt64Array([...new BigInt64Array(from), ...results]);
        return this.#failure(from + index, error, all);
      }),
    );
    const operations = this.#operations.slice(from);
    const image = new HeldImage(operations, from, this.#statuses, held.descriptors);
    using file = memoryFile("held", image.bytes);
    const front = new ChildProgram();
    front.#operations.push(...this.#operations.slice(0, from));
    for (const each of [...held.descriptors, ...descriptors]) {
      front.call("fcntl", `descriptor ${each}`, SYS.fcntl, each, F_SETFD, 0);
    }
    const [argv, env] = [cStringArray(["podvisor", "held"]), cStringArray([])];
    const path = cString("");
    front.call("execveat", "the rest", SYS.execveat, file.number, path, argv, env, AT_EMPTY_PATH);
    held.started(front.start(cloneFlags), image);
    undo.move();
    return held;
  }

  /**
   * Runs what has been written so far in a child that then waits for the rest: calls that are added meanwhile find the
   * results of these, and all that has been opened here.
   *
   * @param cloneFlags namespaces to make (CLONE_NEW…)
   * @param kept which of the descriptors that the calls open are to stay open: this process has them, too
   * @throws {SysError} naming the first call that failed; nothing is left of the child then
   */
  park(cloneFlags: number, kept: readonly Result[]): ParkedProcess {
    this.resetSignals();
    const [alive, gate] = [new Int32Array(2), new Int32Array(2)];
    this.call("set_tid_address", "the child", SYS.set_tid_address, bytesOf(alive));
    const wait = [bytesOf(gate), FUTEX_WAIT_PRIVATE, 0, 0] as const;
    const waits = this.attempt("futex", "the gate", SYS.futex, ...wait);
    this.call("unshare", "descriptors", SYS.unshare, CLONE_FILES);
    const previous = blockSignals();
    try {
      const parts = {
        operations: this.#operations,
        opened: this.#opened(),
        kept,
        waits,
        gate,
        alive,
        explain: this.#failure.bind(this),
      };
      return new ParkedProcess(parts, CLONE_VM | CLONE_FILES | SIGCHLD | cloneFlags);
    } finally {
      restoreSignals(previous);
    }
  }

  /**
   * Runs the program. Returns once the new program has been executed, or the calls have all been made. The calling
   * thread stands still until then.
   *
   * @param cloneFlags namespaces to make (CLONE_NEW…), CLONE_FILES to open descriptors for this process
   * @returns the pid, to be waited for
   * @throws {SysError} naming the first call that failed; the child has then been reaped
   */
  start(cloneFlags = 0): number {
    const { memory, results } = this.#write();
    this.#results = results;
    const state = new BigInt64Array([-1n, 0n, 0n]);
    const previous = blockSignals();
    let started: number;
    try {
      started = runInChild(memory, CLONE_VM | CLONE_VFORK | SIGCHLD | cloneFlags, bytesOf(state));
    } finally {
      restoreSignals(previous);
    }
    if (started < 0) throw new SysError("clone", "a child", -started);
    return this.#outcome(started, Number(state[0]), Number(state[1]), results);
  }

  /**
   * Runs the program on a copy of this process's memory (fork(2)): what its calls return, and which of them failed, is
   * not seen from here. Returns once it has been executed or has ended.
   *
   * @returns the pid, to be waited for
   * @throws {SysError} when there can be no child
   */
  startApart(): number {
    const { memory } = this.#write();
    const previous = blockSignals();
    try {
      const started = runInChild(memory, CLONE_VFORK | SIGCHLD, bytesOf(new BigInt64Array(2)));
      if (started < 0) throw new SysError("clone", "a child", -started);
      return started;
    } finally {
      restoreSignals(previous);
    }
  }

  /**
   * Runs a program that ends by itself, without {@linkcode ChildProgram.exec}.
   *
   * @throws {SysError} naming the first call that failed
   */
  run(cloneFlags = 0): void {
    reap(this.start(cloneFlags));
  }

  #outcome(started: number, failed: number, error: number, results: BigInt64Array): number {
    const split = this.#operations.findIndex((each) => each.onError === SPLIT);
    const last = split >= 0 && (failed < 0 || failed > split) ? Number(results[split]) : started;
    if (last !== started) reap(started);
    if (failed < 0) return last;
    reap(last);
    throw this.#failure(failed, error, results);
  }

  #failure(failed: number, error: number, results: BigInt64Array): SysError {
    const told = this.#mostTelling(failed, results);
    const { call, operand } = this.#operations[told]!;
    return new SysError(call, operand, told === failed ? -error : -Number(results[told]));
  }

  /** Of the paths that could not be executed, the first that is there at all. */
  #mostTelling(failed: number, results: BigInt64Array): number {
    if (failed !== this.#executions.at(-1)?.index) return failed;
    const absent = [BigInt(-ENOENT), BigInt(-ENOTDIR)];
    const there = this.#executions.find(({ index }) => !absent.includes(results[index]!));
    return there?.index ?? failed;
  }

  #add(operation: Operation): Result {
    this.#operations.push(operation);
    return new Result(this.#operations.length - 1);
  }

  /** Results that are descriptors. */
  #opened(): Result[] {
    return this.#operations
      .flatMap(({ number }, index) => OPENING.includes(number) ? [new Result(index)] : []);
  }

  #write(): OperationBlock {
    const block = new OperationBlock(this.#operations.length);
    block.write(this.#operations);
    return block;
  }
}

/** A handler that ran in the child would run on this process's memory. */
function blockSignals(): Uint8Array {
  const previous = new Uint8Array(8);
  rawSyscall(SYS.rt_sigprocmask, SIG_SETMASK, new Uint8Array(8).fill(0xff), previous, 8);
  return previous;
}

function restoreSignals(mask: Uint8Array): void {
  rawSyscall(SYS.rt_sigprocmask, SIG_SETMASK, mask, 0, 8);
}

/** The child has exited already: it does so before the clone call returns. */
function reap(pid: number): void {
  syscall("wait4", `pid ${pid}`, SYS.wait4, pid, 0, 0, 0);
}
