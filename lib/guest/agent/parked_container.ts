import { type ChildProgram, Fd, O_RDONLY, open, type ParkedProcess } from "../../sys/mod.ts";
import { BUSYBOX_ROOT } from "../busybox_place.ts";
import { Cgroup } from "./cgroup.ts";
import { standardMounts } from "./container_mounts.ts";
import { addToParked, type ContainerPlan, parkedProgram } from "./container_program.ts";
import { DEFAULT_DEVICES } from "./device_filter.ts";
import { exists } from "./guest_files.ts";
import { kernelFacts } from "./kernel_facts.ts";
import type { PlannedMount } from "./mount_program.ts";
import { OWN_NAMESPACES } from "./process_program.ts";
import type { ContainerSpec } from "./runtime.ts";
import { makePipes, type Pipes } from "./stdio.ts";

/** Characters of all paths that are made for a container: more are calls for more directories than one may wait for. */
const LONGEST_PATHS = 4096;

/**
 * The first process of a container that nobody has asked for yet: in its namespaces and its control group, with /proc,
 * /sys and /dev. What is made before a machine is saved is there in all that are restored from it, and takes none of
 * their time. One container gets it, and no other ever sees it.
 */
export class ParkedContainer implements Disposable {
  /** /proc, /sys and /dev, with what is below them. */
  readonly mounts: readonly PlannedMount[];
  /** The built-in root, in memory: it is in that, if it has one. */
  readonly root: Fd | undefined;
  /** Root directory of its devpts: whose mount it becomes. */
  readonly devpts: Fd;
  readonly cgroup: Cgroup | undefined;
  /** For its streams, unless they are a terminal. */
  readonly pipes: Pipes;
  readonly #program: ChildProgram;
  readonly #process: ParkedProcess;
  /**
   * Its namespaces that are much to take down: the end of its processes, which the host waits for, need not wait for
   * that as long as these are open.
   */
  readonly #namespaces: readonly Fd[];
  /** The roots of {@linkcode ParkedContainer.mounts}. */
  readonly #trees: readonly Fd[];

  /**
   * @param name of its own, for its control group
   * @param cgroups directory below which containers have theirs
   * @param withRoot whether it gets a built-in root, where the image has one
   * @throws {SysError} when it cannot be made; nothing of it is left then
   */
  constructor(readonly name: string, cgroups: string | undefined, withRoot: boolean) {
    using undo = new DisposableStack();
    this.cgroup = cgroups === undefined ? undefined : undo.use(new Cgroup(cgroups, name));
    this.cgroup?.confineDevices(DEFAULT_DEVICES);
    const facts = kernelFacts();
    const kernel = { cgroups: cgroups !== undefined, hasMqueue: facts.hasMqueue };
    const { mounts, devpts } = standardMounts(kernel);
    this.devpts = undo.use(devpts);
    this.pipes = undo.use(makePipes());
    const { masked, readOnlyPaths } = facts;
    const procs = this.cgroup?.procs.number;
    const content = withRoot && exists(BUSYBOX_ROOT) ? BUSYBOX_ROOT : undefined;
    const plan = { content, procs, mounts, masked, readOnlyPaths };
    const { program, root, made, kept } = parkedProgram(plan);
    this.#program = program;
    this.mounts = made;
    const process = program.park(OWN_NAMESPACES, [root, ...kept]);
    this.#process = process;
    undo.defer(() => process.end());
    this.#namespaces = ["mnt", "ipc"].map((kind) =>
      undo.use(open(`/proc/${process.pid}/ns/${kind}`, O_RDONLY))
    );
    const [top, ...trees] = [root, ...kept].map((each) => new Fd(process.resultOf(each)));
    if (content === undefined) top!.close();
    else this.root = top;
    this.#trees = trees;
    undo.move();
  }

  /** Whether it has not been ended by somebody else. */
  get waits(): boolean {
    return this.#process.waits;
  }

  /** Whether this can become a container: one that wants nothing else of what is made already, and starts at once. */
  fits(spec: ContainerSpec): boolean {
    const { systemMountsInfo: { bindMountDev, devShmSize }, fsmap, tmpfs, devices } = spec;
    if (spec.held || spec.startHooks) return false;
    if (spec.mounts.length > 0 || bindMountDev || devShmSize !== 0) return false;
    if (spec.maskedPaths || spec.readonlyPaths || isNotEmpty(spec.sysctl)) return false;
    if (isNotEmpty(spec.namespaces) || spec.deviceRules?.length) return false;
    if (spec.process.capabilities.bounding) return false;
    if (fsmap.some((each) => each.absolutePath || each.scsiAddr !== "")) return false;
    const paths = [...fsmap, ...tmpfs, ...devices].map(({ path }) => path);
    return paths.join("").length + spec.process.workdir.length < LONGEST_PATHS;
  }

  /**
   * Makes it the container's. Its control group and its devpts stay open.
   *
   * @returns pid of its first process
   * @throws {SysError} naming the call that failed; the process has ended then
   */
  become(plan: ContainerPlan): number {
    try {
      addToParked(this.#program, plan);
      this.#process.goOn();
    } finally {
      for (const each of this.#trees) each.close();
    }
    return this.#process.pid;
  }

  /** Has its namespaces and its root taken down: its first process has ended, and with it all others. */
  letGo(): void {
    for (const each of this.#namespaces) each.close();
    this.root?.close();
  }

  /** Ends it: nobody needs it. */
  [Symbol.dispose](): void {
    this.#process.end();
    for (const each of this.#trees) each.close();
    this.letGo();
    this.devpts.close();
    this.pipes[Symbol.dispose]();
    this.cgroup?.[Symbol.dispose]();
  }
}

function isNotEmpty(record: Readonly<Record<string, string>>): boolean {
  return Object.keys(record).length > 0;
}
