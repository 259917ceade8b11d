import { EAGAIN } from "./errno.ts";
import { SysError } from "./error.ts";
import { Fd, pipe } from "./fd.ts";
import type { HeldImage } from "./held_image.ts";
import { SYS } from "./numbers.ts";
import { EPOLLIN, type Poller } from "./poller.ts";
import { syscall } from "./syscall.ts";
import { readSome, setNonblocking } from "./transfer.ts";

const EFD_CLOEXEC = 0o2000000;

/** Makes an error of a failed call: its index after the wait, -errno, and the results of all calls after the wait. */
export type Explain = (index: number, error: number, results: BigInt64Array) => SysError;

/** A child that waits before the rest of its calls: see `ChildProgram.startHeld`. Disposing of it does not end it. */
export class HeldProcess implements Disposable {
  readonly #explain: Explain;
  readonly #files = new DisposableStack();
  readonly #gate: Fd;
  readonly #report: { read: Fd; write: Fd };
  #child: { pid: number; image: HeldImage } | undefined;

  constructor(explain: Explain) {
    this.#explain = explain;
    const gate = syscall("eventfd2", "a gate", SYS.eventfd2, 0, EFD_CLOEXEC);
    this.#gate = this.#files.use(new Fd(gate));
    this.#report = pipe();
    this.#files.use(this.#report.read);
    this.#files.use(this.#report.write);
    setNonblocking(this.#report.read.number);
  }

  /** What the child waits on (eventfd(2)), and where it tells of a failure. */
  get descriptors(): readonly [number, number] {
    return [this.#gate.number, this.#report.write.number];
  }

  /** Of the child, which this process waits for. */
  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  /** The child has been started, and has its own descriptors. */
  started(pid: number, image: HeldImage): void {
    this.#child = { pid, image };
    this.#report.write.close();
  }

  /** Lets the child go on, once. What becomes of it is told by {@linkcode HeldProcess.failure} when it has ended. */
  letGo(): void {
    const one = new Uint8Array(new BigUint64Array([1n]).buffer);
    syscall("write", "a gate", SYS.write, this.#gate.number, one, one.length);
  }

  /** The first call that failed of a child that was let go on and has ended; nothing when its program was executed. */
  failure(): SysError | undefined {
    const pieces: number[] = [];
    const buffer = new Uint8Array(16384);
    for (let count; (count = readSome(this.#report.read.number, buffer)) > 0;) {
      pieces.push(...buffer.subarray(0, count));
    }
    return this.#read(Uint8Array.from(pieces));
  }

  /**
   * Lets the child go on, once. Resolves when the program that it is to become has been executed, or it was killed.
   *
   * @throws {SysError} naming the first call that failed; the child ends with 127
   */
  async release(poller: Poller): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<Uint8Array>();
    const pieces: number[] = [];
    const { read } = this.#report;
    const watch = poller.watch(read.number, EPOLLIN, () => {
      const buffer = new Uint8Array(16384);
      const count = readSome(read.number, buffer);
      if (count === -EAGAIN) return;
      if (count > 0) return void pieces.push(...buffer.subarray(0, count));
      watch.stop();
      resolve(Uint8Array.from(pieces));
    });
    this.letGo();
    const failure = this.#read(await promise);
    if (failure) throw failure;
  }

  #read(report: Uint8Array): SysError | undefined {
    const { image } = this.#child!;
    if (report.length < image.reportSize) return undefined;
    // A program that was to run first may have told of its own failure before.
    const { failed, error, results } = image.read(report.slice(-image.reportSize));
    return this.#explain(failed, error, results);
  }

  [Symbol.dispose](): void {
    this.#files.dispose();
  }
}
