import type { Constraints } from "../../hyperstart/mod.ts";
import {
  ENOENT,
  type Fd,
  O_WRONLY,
  open,
  openProcess,
  pause,
  signalOpened,
} from "../../sys/mod.ts";
import { makeDirectory, readFile, removeDirectory, writeFile } from "./guest_files.ts";
import { note } from "./note.ts";

const SIGKILL = 9;
const DEFAULT_PERIOD = 100_000;
const REMOVE_TRIES = 50, REMOVE_PAUSE = 10;

/** The cgroup (version 2) of one container: which processes are in it, and what they may use. */
export class Cgroup implements Disposable {
  readonly #path: string;
  /** `cgroup.procs`, open for writing: a process that writes 0 there has joined. */
  readonly procs: Fd;

  /**
   * Makes the cgroup.
   *
   * @param parent directory of the cgroup above
   * @throws when it cannot be made, or a limit is refused
   */
  constructor(parent: string, name: string, limits: Constraints) {
    this.#path = `${parent}/${name}`;
    makeDirectory(this.#path);
    try {
      setLimits(parent, this.#path, limits);
      this.procs = open(`${this.#path}/cgroup.procs`, O_WRONLY);
    } catch (error) {
      removeDirectory(this.#path);
      throw error;
    }
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

function setLimits(parent: string, path: string, limits: Constraints): void {
  const { CPUQuota, CPUPeriod, CPUShares } = limits;
  if (CPUQuota <= 0 && CPUPeriod === 0 && CPUShares === 0) return;
  writeFile(`${parent}/cgroup.subtree_control`, "+cpu");
  if (CPUShares > 0) writeFile(`${path}/cpu.weight`, String(cpuWeight(CPUShares)));
  if (CPUQuota > 0 || CPUPeriod > 0) {
    const quota = CPUQuota > 0 ? CPUQuota : "max";
    writeFile(`${path}/cpu.max`, `${quota} ${CPUPeriod || DEFAULT_PERIOD}`);
  }
}

/** Shares of version 1, 2 to 262144, as a weight of version 2, 1 to 10000: the mapping that runc and systemd use. */
export function cpuWeight(shares: number): number {
  const bounded = Math.min(Math.max(shares, 2), 262144);
  return 1 + Math.floor((bounded - 2) * 9999 / 262142);
}
