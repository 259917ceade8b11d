import { type Fd, type Poller, signalOpened } from "../../sys/mod.ts";
import type { CgroupCounters } from "../../hyperstart/mod.ts";
import { diskReleased } from "./block_device.ts";
import type { Cgroup } from "./cgroup.ts";
import { execProgram } from "./process_program.ts";
import { type Inherited, planProcess } from "./process_plan.ts";
import type { HeldStart } from "./held_start.ts";
import { isDeadly, RunningProcess } from "./running_process.ts";
import {
  type ContainerSpec,
  type FrameSink,
  type GuestContainer,
  type ProcessSpec,
  Refusal,
} from "./runtime.ts";
import { readInTree } from "./small_file.ts";
import { lateFailure, startError } from "./start_error.ts";
import { openStdio } from "./stdio.ts";
import { lookUpIdentity } from "./users.ts";

/** What a {@linkcode Container} is made of. */
export interface ContainerParts {
  id: string;
  poller: Poller;
  sink: FrameSink;
  init: RunningProcess;
  /** The mount that is its root: what is looked up from there sees the container's other mounts too. */
  root: Fd;
  devpts: Fd;
  cgroup: Cgroup | undefined;
  inherited: Inherited;
  /** `args[0]` of its first process. */
  program: string;
  /** What is left of its start, where it waits for that. */
  start: HeldStart | undefined;
  /** Nodes of the disks that are mounted for it. */
  disks: readonly string[];
  /** What the host should hear of: something that was asked for is not there. */
  warnings: readonly string[];
  /** Everything else to be let go of at the end. */
  held: DisposableStack;
  /** Called when all that has been done. */
  onRemoved: () => void;
}

/** A container that has been started. */
export class Container implements GuestContainer {
  readonly #parts: ContainerParts;
  readonly #others = new Set<RunningProcess>();
  #start: HeldStart | undefined;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
    this.#start = parts.start;
  }

  get init(): RunningProcess {
    return this.#parts.init;
  }

  get warnings(): readonly string[] {
    return this.#parts.warnings;
  }

  async release(): Promise<(() => void) | undefined> {
    const { id, init, poller, program } = this.#parts;
    if (init.exited) throw new Refusal(`Container ${id} not running, impossible to start`);
    const start = this.#start;
    if (!start) throw new Refusal(`Container ${id} already started, impossible to start again`);
    this.#start = undefined;
    if (!start.hasHooks) {
      init.letGo(() => {
        using ended = start;
        const failure = ended.failure();
        return failure && lateFailure(failure, program);
      });
      return () => start.letGo();
    }
    init.letGo();
    try {
      await start.release(poller);
    } catch (error) {
      throw startError(error, program, `Container ${id} could not be started`);
    }
  }

  exec(spec: ProcessSpec): RunningProcess {
    const { id, poller, sink, init, root, devpts, cgroup, inherited } = this.#parts;
    if (init.exited) throw new Refusal(`Container ${id} not running, impossible to execute`);
    try {
      const read = (path: string) => readInTree(root.number, path);
      const identity = lookUpIdentity(spec, read("etc/passwd"), () => read("etc/group"));
      using stack = new DisposableStack();
      const stdio = stack.use(openStdio(spec, identity.uid, devpts.number));
      const plan = planProcess(spec, identity, stdio.child, inherited);
      const program = execProgram(init.pidfd.number, cgroup?.procs.number, plan);
      const pid = program.start();
      const process = new RunningProcess(poller, pid, stdio, spec, sink);
      stdio.closeChild();
      stack.move();
      this.#others.add(process);
      process.whenFinished(() => this.#others.delete(process));
      return process;
    } catch (error) {
      throw startError(error, spec.args[0] ?? "", "Process could not be set up");
    }
  }

  signalAll(signal: number): void {
    const { cgroup, init } = this.#parts;
    // It takes no other signal, and what has joined it ends with it.
    if (this.#start && isDeadly(signal)) return init.signal(signal);
    if (cgroup) return cgroup.signal(signal);
    for (const process of [init, ...this.#others]) {
      if (!process.exited) signalOpened(process.pidfd, signal);
    }
  }

  pids(): number[] {
    const { cgroup, init } = this.#parts;
    if (init.exited) return [];
    if (cgroup) return cgroup.pids();
    return [init, ...this.#others].filter((each) => !each.exited).map((each) => each.pid);
  }

  limit(constraints: ContainerSpec["constraints"]): void {
    this.#cgroup("limit").limit(constraints);
  }

  async freeze(frozen: boolean): Promise<void> {
    await this.#cgroup("freeze").freeze(frozen);
  }

  counters(): CgroupCounters {
    return this.#cgroup("count what is used by").counters();
  }

  #cgroup(purpose: string): Cgroup {
    const { id, cgroup } = this.#parts;
    if (cgroup) return cgroup;
    throw new Refusal(`Cannot ${purpose} container ${id}: the kernel has no cgroups`);
  }

  async remove(): Promise<void> {
    const { cgroup, held, disks, onRemoved } = this.#parts;
    this.#start?.[Symbol.dispose]();
    await cgroup?.remove();
    held.dispose();
    // The host takes them away as soon as this has been answered: what was written must have arrived.
    for (const disk of disks) await diskReleased(disk);
    onRemoved();
  }
}
