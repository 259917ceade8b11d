import { SysError } from "./error.ts";
import { FUTEX_WAIT, FUTEX_WAKE_PRIVATE } from "./futex.ts";
import { SYS } from "./numbers.ts";
import type { Operation, Result } from "./operation.ts";
import { bytesOf, OperationBlock } from "./operation_block.ts";
import { rawSyscall, runInChild } from "./syscall.ts";

/** Calls that one can make in its whole life. */
const MOST_CALLS = 4096;
const WNOHANG = 1, SIGKILL = 9;
/** Milliseconds between two looks at whether it waits. */
const LOOK = 1;

/** What a parked process is made of by `ChildProgram.park`. */
export interface ParkedProgram {
  /** All calls, to which more are added. */
  operations: readonly Operation[];
  /** Descriptors that the first calls open, and which of them are needed afterwards. */
  opened: readonly Result[];
  kept: readonly Result[];
  /** The call in which it waits; the one before tells that it is about to. */
  waits: Result;
  /** Where it waits, and what the kernel clears when it has left this process's memory (set_tid_address(2)). */
  gate: Int32Array;
  alive: Int32Array;
  /** Makes an error of a failed call. */
  explain: (index: number, error: number, results: BigInt64Array) => SysError;
}

/**
 * A child that has made the first of its calls, and waits for the others in this process's memory and with its
 * descriptors: what is opened here meanwhile is open for it. It runs nothing but its calls, and no handler of a signal.
 */
export class ParkedProcess {
  readonly #program: ParkedProgram;
  readonly #block = new OperationBlock(MOST_CALLS);
  /** Which call failed, its error, and what is done then. */
  readonly #state = new BigInt64Array([-1n, 0n, 0n]);
  readonly #written: number;
  readonly pid: number;

  /**
   * Starts it, and returns when it waits.
   *
   * @throws {SysError} naming the first call that failed; nothing is left of it then
   */
  constructor(program: ParkedProgram, cloneFlags: number) {
    this.#program = program;
    this.#written = program.operations.length;
    this.#block.write(program.operations);
    program.alive[0] = 1;
    this.pid = runInChild(this.#block.memory, cloneFlags, bytesOf(this.#state));
    if (this.pid < 0) throw new SysError("clone", "a child", -this.pid);
    try {
      this.#untilItWaits();
    } catch (error) {
      this.#close(program.opened);
      throw error;
    }
    const kept = program.kept.map(({ index }) => index);
    this.#close(program.opened.filter(({ index }) => !kept.includes(index)));
  }

  /** Whether it is there, and has not been killed. */
  get waits(): boolean {
    return this.#program.alive[0] !== 0;
  }

  /** What one of its first calls returned. */
  resultOf({ index }: Result): number {
    return Number(this.#block.results[index]);
  }

  /**
   * Lets it make the calls that have been added to its program. Returns when it has executed the last one's program, or
   * has ended. The calling thread stands still until then.
   *
   * @throws {SysError} naming the first call that failed; the child has then been reaped
   */
  goOn(): void {
    const { operations, gate, alive, explain } = this.#program;
    this.#block.write(operations, this.#written);
    gate[0] = 1;
    rawSyscall(SYS.futex, bytesOf(gate), FUTEX_WAKE_PRIVATE, 1);
    while (alive[0] !== 0) rawSyscall(SYS.futex, bytesOf(alive), FUTEX_WAIT, 1, 0);
    if (this.#state[0]! < 0n) return;
    this.#reap();
    throw explain(Number(this.#state[0]), Number(this.#state[1]), this.#block.results);
  }

  /** Ends one that waits. Its status is collected if it has ended before, unless somebody else has done that. */
  end(): void {
    if (!this.waits) return void rawSyscall(SYS.wait4, this.pid, 0, WNOHANG, 0);
    rawSyscall(SYS.kill, this.pid, SIGKILL);
    this.#reap();
  }

  #close(opened: readonly Result[]): void {
    for (const each of opened) {
      const descriptor = this.resultOf(each);
      if (descriptor >= 0) rawSyscall(SYS.close, descriptor);
    }
  }

  #untilItWaits(): void {
    const { waits, explain } = this.#program;
    while (this.#block.results[waits.index - 1]! < 0n) {
      if (rawSyscall(SYS.wait4, this.pid, 0, WNOHANG, 0) === this.pid) {
        throw explain(Number(this.#state[0]), Number(this.#state[1]), this.#block.results);
      }
      rawSyscall(SYS.poll, 0, 0, LOOK);
    }
  }

  /** Somebody who collects the status of any child may have been faster. */
  #reap(): void {
    rawSyscall(SYS.wait4, this.pid, 0, 0, 0);
  }
}
