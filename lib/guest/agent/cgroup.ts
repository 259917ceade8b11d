import {
  attachDeviceProgram,
  ENOENT,
  type Fd,
  O_DIRECTORY,
  O_RDONLY,
  O_WRONLY,
  open,
  openProcess,
  pause,
  signalOpened,
  SysError,
} from "../../sys/mod.ts";
import { CGROUP_COUNTERS, type CgroupCounters } from "../../hyperstart/mod.ts";
import { applyLimits, type Limits } from "./cgroup_limits.ts";
import type { DeviceRule } from "./device_filter.ts";
import { deviceProgram } from "./device_program.ts";
import { makeDirectory, readFile, removeDirectory, writeFile } from "./guest_files.ts";
import { note } from "./note.ts";

const SIGKILL = 9;
const REMOVE_TRIES = 50, REMOVE_PAUSE = 10;
const FREEZE_TRIES = 100, FREEZE_PAUSE = 5;

/** Whether the kernel has refused to filter devices: it is told once. */
let unfiltered = false;

/** The cgroup (version 2) of one container: which processes are in it, and what they may use. */
export class Cgroup implements Disposable {
  readonly #parent: string;
  readonly #path: string;
  /** `cgroup.procs`, open for writing: a process that writes 0 there has joined. */
  readonly procs: Fd;

  /**
   * Makes the cgroup, without limits.
   *
   * @param parent directory of the cgroup above
   * @throws {SysError} when it cannot be made
   */
  constructor(parent: string, name: string) {
    this.#parent = parent;
    this.#path = `${parent}/${name}`;
    makeDirectory(this.#path);
    try {
      this.procs = open(`${this.#path}/cgroup.procs`, O_WRONLY);
    } catch (error) {
      removeDirectory(this.#path);
      throw error;
    }
  }

  /**
   * Sets the limits of one that has none yet.
   *
   * @param warnings takes what cannot be limited
   * @throws {Refusal} naming the one that the kernel refuses
   */
  limitFirst(limits: Limits, warnings: string[]): void {
    applyLimits(this.#parent, this.#path, limits, { fresh: true, warnings });
  }

  /** Sets all limits anew. @throws {Refusal} naming the one that the kernel refuses */
  limit(limits: Limits): void {
    applyLimits(this.#parent, this.#path, limits);
  }

  /**
   * Forbids every device but those that rules allow. Where the kernel has no such programs nothing is forbidden: what
   * is behind the devices is the VM's in any case.
   */
  confineDevices(rules: readonly DeviceRule[]): void {
    if (unfiltered) return;
    try {
      using directory = open(this.#path, O_RDONLY | O_DIRECTORY);
      attachDeviceProgram(directory, deviceProgram(rules));
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      unfiltered = true;
      note(`Cannot confine containers to their devices: ${error.message}`);
    }
  }

  /** Makes its processes stand still, or lets them go on; returns when they do. */
  async freeze(frozen: boolean): Promise<void> {
    writeFile(`${this.#path}/cgroup.freeze`, frozen ? "1" : "0");
    const wanted = `frozen ${frozen ? 1 : 0}`;
    for (let tries = 0; tries < FREEZE_TRIES; tries++) {
      if (readFile(`${this.#path}/cgroup.events`).includes(wanted)) return;
      await pause(FREEZE_PAUSE);
    }
    // A process that is in the middle of a system call which cannot be interrupted follows when that is over.
    note(`Cgroup ${this.#path}: not all processes have come to a standstill yet`);
  }

  /** What it has counted. */
  counters(): CgroupCounters {
    const texts: CgroupCounters = {};
    for (const name of CGROUP_COUNTERS) {
      try {
        texts[name] = readFile(`${this.#path}/${name}`);
      } catch (error) {
        if (!(error instanceof SysError)) throw error;
      }
    }
    return texts;
  }

  /** Process ids, ascending. */
  pids(): number[] {
    return readFile(`${this.#path}/cgroup.procs`).split("\n")
      .map(Number).filter((pid) => pid > 0).sort((a, b) => a - b);
  }

  /** Signals every process in it, and none that has taken the number of one meanwhile. */
  signal(signal: number): void {
    if (signal === SIGKILL) return writeFile(`${this.#path}/cgroup.kill`, "1");
    using stack = new DisposableStack();
    const opened = this.pids().map((pid) => [pid, openProcess(pid)] as const);
    for (const [, process] of opened) stack.use(process);
    const present = new Set(this.pids());
    for (const [pid, process] of opened) {
      if (process && present.has(pid)) signalOpened(process, signal);
    }
  }

  /** Removes it, as soon as the last process has gone. */
  async remove(): Promise<void> {
    this.procs.close();
    for (let tries = 0; tries < REMOVE_TRIES; tries++) {
      if (this.#tryRemove()) return;
      await pause(REMOVE_PAUSE);
    }
    note(`Cannot remove cgroup ${this.#path}: processes remain in it`);
  }

  /** For a container that could not be started: nothing is in it. */
  [Symbol.dispose](): void {
    this.procs.close();
    if (!this.#tryRemove()) note(`Cannot remove cgroup ${this.#path}`);
  }

  #tryRemove(): boolean {
    return [0, ENOENT].includes(removeDirectory(this.#path));
  }
}
