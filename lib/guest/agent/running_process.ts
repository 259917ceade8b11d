import { encodeGrants, encodeStreamFrame, INPUT_CREDIT } from "../../hyperstart/mod.ts";
import {
  childStatus,
  collectChild,
  EPOLLIN,
  ESRCH,
  exitCode,
  type Fd,
  openProcess,
  type Poller,
  setWindowSize,
  signalOpened,
  SIGNALS,
  SysError,
} from "../../sys/mod.ts";
import { trace } from "../../trace.ts";
import { InputQueue } from "./input_queue.ts";
import { OutputSource } from "./output_source.ts";
import type { FrameSink, GuestProcess, ProcessSpec } from "./runtime.ts";
import type { LateFailure } from "./start_error.ts";
import type { Stdio } from "./stdio.ts";

/** What a process gets for a status that somebody else has collected. */
const UNKNOWN_STATUS = 255;

/** Signals that do not end a process that has no handler for them (signal(7)). */
const HARMLESS = [
  0,
  SIGNALS.CHLD,
  SIGNALS.CONT,
  SIGNALS.STOP,
  SIGNALS.TSTP,
  SIGNALS.TTIN,
  SIGNALS.TTOU,
  SIGNALS.URG,
  SIGNALS.WINCH,
];

/** Whether a signal ends a process that has no handler for it. */
export function isDeadly(signal: number): boolean {
  return !HARMLESS.includes(signal);
}

/** Processes whose status is for a {@linkcode RunningProcess} to collect. */
const running = new Set<number>();

/** Whether a child of this process belongs to a container. */
export function isRunningProcess(pid: number): boolean {
  return running.has(pid);
}

/** A started process: carries its streams, and reports its end. */
export class RunningProcess implements GuestProcess {
  /** Stands for this very process: it can be signalled and joined as long as this is open. */
  readonly pidfd: Fd;
  readonly #sink: FrameSink;
  readonly #sequence: number;
  readonly #input: InputQueue;
  readonly #outputs: OutputSource[];
  readonly #terminal: Fd | undefined;
  #callbacks: (() => void)[] = [];
  #exitCallbacks: (() => void)[] = [];
  #collectedCallbacks: (() => void)[] = [];
  #status: number | undefined;
  /** It waits for its start. */
  #held = false;
  /** Asked when it has ended: how it ends that did not get to its program. */
  #lateFailure: (() => LateFailure | undefined) | undefined;
  /** The signal that has ended it, where it was another that it could not have taken. */
  #endedBy: number | undefined;
  /** Bytes of stdin that were taken and not granted again. */
  #taken = 0;
  #finished = false;
  readonly #span = trace("process");

  /**
   * @param pid a child of this process that nobody else waits for
   * @param stdio this side's ends become this object's to close
   */
  constructor(
    poller: Poller,
    readonly pid: number,
    stdio: Stdio,
    { stdio: sequence, stderr, terminal, outputCredit: credit }: ProcessSpec,
    sink: FrameSink,
  ) {
    const pidfd = openProcess(pid);
    if (!pidfd) throw new SysError("pidfd_open", `pid ${pid}`, ESRCH);
    running.add(pid);
    this.pidfd = pidfd;
    this.#sink = sink;
    this.#sequence = sequence;
    this.#terminal = terminal ? stdio.output : undefined;
    this.#input = new InputQueue(poller, stdio.input, (count) => {
      if (credit > 0) this.#grantInput(count);
    });
    const ended = () => this.#finishIfDone();
    const output = { sequence, credit, sink, onEnd: ended };
    this.#outputs = [new OutputSource(poller, stdio.output, output)];
    if (stdio.errors) {
      this.#outputs.push(new OutputSource(poller, stdio.errors, { ...output, sequence: stderr }));
    }
    const watch = poller.watch(pidfd.number, EPOLLIN, () => {
      watch.stop();
      this.#exited();
    });
  }

  /** Whether the process has ended, though its output may still be on its way. */
  get exited(): boolean {
    return this.#status !== undefined;
  }

  /** Calls back when the process has ended, whatever becomes of its output. */
  whenExited(callback: () => void): void {
    if (this.exited) callback();
    else this.#exitCallbacks.push(callback);
  }

  /** Calls back when it has ended and as much of it has been told to the host as can be. */
  whenCollected(callback: () => void): void {
    this.#collectedCallbacks.push(callback);
  }

  get finished(): boolean {
    return this.#finished;
  }

  whenFinished(callback: () => void): void {
    if (this.#finished) callback();
    else this.#callbacks.push(callback);
  }

  write(bytes: Uint8Array): void {
    this.#input.write(bytes);
  }

  endInput(): void {
    if (!this.#terminal) this.#input.end();
  }

  get inputFull(): boolean {
    return this.#input.full;
  }

  inputRoom(): Promise<void> {
    return this.#input.room();
  }

  grant(sequence: number, bytes: number): void {
    for (const each of this.#outputs) if (each.sequence === sequence) each.grant(bytes);
  }

  resize(rows: number, columns: number): void {
    if (this.#terminal && !this.#terminal.closed) {
      setWindowSize(this.#terminal.number, rows, columns);
    }
  }

  /** From now on signals that would end its program end it, though the first process of a namespace ignores them. */
  hold(): void {
    this.#held = true;
  }

  /** Its program gets them. @param lateFailure asked when it has ended: whether it did not get to its program */
  letGo(lateFailure?: () => LateFailure | undefined): void {
    this.#held = false;
    this.#lateFailure = lateFailure;
  }

  signal(signal: number): void {
    if (this.exited) return;
    const ends = this.#held && isDeadly(signal);
    if (ends) this.#endedBy ??= signal;
    signalOpened(this.pidfd, ends ? SIGNALS.KILL! : signal);
  }

  discard(): void {
    this.#input.close();
    for (const each of this.#outputs) each.end();
  }

  /** In portions, each of which is worth a frame. */
  #grantInput(count: number): void {
    this.#taken += count;
    if (this.#taken < INPUT_CREDIT / 4 || this.#finished) return;
    this.#sink.send(encodeGrants([{ sequence: this.#sequence, bytes: this.#taken }]));
    this.#taken = 0;
  }

  #exited(): void {
    const status = childStatus(this.pid);
    this.#status = this.#endedBy === undefined
      ? status ? exitCode(status) : UNKNOWN_STATUS
      : exitCode({ kind: "signalled", signal: this.#endedBy });
    const failure = this.#lateFailure?.();
    if (failure) this.#failLate(failure);
    for (const each of this.#exitCallbacks) each();
    this.#input.close();
    for (const each of this.#outputs) each.finish();
    this.#finishIfDone();
    // The host need not wait for this.
    collectChild(this.pid);
    running.delete(this.pid);
    for (const each of this.#collectedCallbacks) each();
  }

  #failLate({ exitCode, text }: LateFailure): void {
    this.#status = exitCode;
    const line = this.#terminal ? `${text}\r\n` : `${text}\n`;
    this.#outputs.at(-1)!.tell(new TextEncoder().encode(line));
  }

  #finishIfDone(): void {
    if (this.#status === undefined || this.#finished) return;
    if (!this.#outputs.every((each) => each.ended)) return;
    this.#finished = true;
    this.#span[Symbol.dispose]();
    this.pidfd.close();
    for (const each of this.#callbacks) each();
    if (this.#sequence !== 0) {
      this.#sink.send(encodeStreamFrame(this.#sequence));
      this.#sink.send(encodeStreamFrame(this.#sequence, Uint8Array.of(this.#status)));
    }
  }
}
