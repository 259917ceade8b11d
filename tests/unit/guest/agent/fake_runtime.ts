import {
  type CgroupCounters,
  encodeStreamFrame,
  type ProcessFiles,
} from "../../../../lib/hyperstart/mod.ts";
import type {
  ContainerSpec,
  GuestContainer,
  GuestProcess,
  InterfaceSpec,
  PodSpec,
  ProcessSpec,
  ResourceTotals,
  RouteSpec,
  Runtime,
} from "../../../../lib/guest/agent/runtime.ts";

/** A process that lives until it is killed or its input ends, and keeps what happens to it. */
export class FakeProcess implements GuestProcess {
  readonly written: string[] = [];
  readonly signals: number[] = [];
  readonly grants: [sequence: number, bytes: number][] = [];
  size: [number, number] | undefined;
  finished = false;
  inputFull = false;
  discarded = false;
  /** Whether a signal ends it. */
  mortal = true;
  /** Lets {@linkcode FakeProcess.inputRoom} resolve. */
  makeRoom: () => void = () => {};
  #callbacks: (() => void)[] = [];

  constructor(
    readonly pid: number,
    readonly spec: ProcessSpec,
    readonly send: (frame: Uint8Array) => void,
  ) {}

  write(bytes: Uint8Array): void {
    this.written.push(new TextDecoder().decode(bytes));
  }

  endInput(): void {
    this.written.push("<end>");
  }

  inputRoom(): Promise<void> {
    return new Promise((resolve) => this.makeRoom = resolve);
  }

  grant(sequence: number, bytes: number): void {
    this.grants.push([sequence, bytes]);
  }

  resize(rows: number, columns: number): void {
    this.size = [rows, columns];
  }

  signal(signal: number): void {
    this.signals.push(signal);
    if (signal === 9 || this.mortal) this.finish(128 + signal);
  }

  whenFinished(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  discard(): void {
    this.discarded = true;
    this.finish(255);
  }

  finish(status: number): void {
    if (this.finished) return;
    this.finished = true;
    for (const each of this.#callbacks) each();
    this.send(encodeStreamFrame(this.spec.stdio));
    this.send(encodeStreamFrame(this.spec.stdio, Uint8Array.of(status)));
  }
}

class FakeContainer implements GuestContainer {
  readonly warnings: string[] = [];
  readonly others: FakeProcess[] = [];
  #held: boolean;

  constructor(
    readonly runtime: FakeRuntime,
    readonly id: string,
    readonly init: FakeProcess,
    held: boolean,
  ) {
    this.#held = held;
  }

  release(): Promise<() => void> {
    if (this.init.finished) return Promise.reject(new Error(`${this.id} has ended`));
    if (!this.#held) return Promise.reject(new Error(`${this.id} runs`));
    this.#held = false;
    return Promise.resolve(() => void this.runtime.log.push(`release ${this.id}`));
  }

  exec(spec: ProcessSpec): FakeProcess {
    const process = this.runtime.start(spec);
    this.others.push(process);
    return process;
  }

  signalAll(signal: number): void {
    for (const each of [this.init, ...this.others]) if (!each.finished) each.signal(signal);
  }

  pids(): number[] {
    return [this.init, ...this.others].filter((each) => !each.finished).map((each) => each.pid);
  }

  freeze(frozen: boolean): Promise<void> {
    this.runtime.log.push(`${frozen ? "freeze" : "thaw"} ${this.id}`);
    return Promise.resolve();
  }

  counters(): CgroupCounters {
    return { "pids.current": "3\n" };
  }

  limit({ MemoryLimit }: ContainerSpec["constraints"]): void {
    this.runtime.log.push(`limit ${this.id} to ${MemoryLimit}`);
  }

  remove(): Promise<void> {
    this.runtime.log.push(`remove ${this.id}`);
    return Promise.resolve();
  }
}

/** A machine that starts nothing: programs exist unless they are called `/bin/nosuch`. */
export class FakeRuntime implements Runtime {
  readonly log: string[] = [];
  readonly processes: FakeProcess[] = [];
  readonly frames: Uint8Array[] = [];
  /** Makes the next start of the pod fail. */
  failure: Error | undefined;

  startPod(pod: PodSpec): Promise<void> {
    const failure = this.failure;
    this.failure = undefined;
    if (failure) return Promise.reject(failure);
    this.log.push(`start pod ${pod.hostname}`);
    return Promise.resolve();
  }

  stopPod(): Promise<void> {
    this.log.push("stop pod");
    return Promise.resolve();
  }

  startContainer(spec: ContainerSpec): Promise<FakeContainer> {
    try {
      return Promise.resolve(new FakeContainer(this, spec.id, this.start(spec.process), spec.held));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  start(spec: ProcessSpec): FakeProcess {
    if (spec.args[0] === "/bin/nosuch") throw new Error("Process could not be started: x (ENOENT)");
    const process = new FakeProcess(100 + this.processes.length, spec, (frame) => {
      this.frames.push(frame);
    });
    this.processes.push(process);
    return process;
  }

  setInterface(wanted: InterfaceSpec): Promise<void> {
    this.log.push(`interface ${wanted.device}`);
    return Promise.resolve();
  }

  setRoutes(routes: readonly RouteSpec[]): Promise<void> {
    this.log.push(`routes ${routes.map(({ dest }) => dest)}`);
    return Promise.resolve();
  }

  deleteRoutes(routes: readonly RouteSpec[]): Promise<void> {
    this.log.push(`no routes ${routes.map(({ dest }) => dest)}`);
    return Promise.resolve();
  }

  moveClock(offset: number): void {
    this.log.push(`move clock by ${offset}`);
  }

  onlineResources({ cpus, memoryMiB }: ResourceTotals): Promise<void> {
    this.log.push(`online ${cpus} ${memoryMiB}`);
    return Promise.resolve();
  }

  processTable(pids: readonly number[], args: readonly string[]): string {
    return `table of ${pids} with ${args}\n`;
  }

  processFiles(pids: readonly number[]): ProcessFiles {
    const processes = pids.map((pid) => ({ stat: `${pid}`, status: "", cmdline: "" }));
    return { uptime: 0, processes };
  }
}
