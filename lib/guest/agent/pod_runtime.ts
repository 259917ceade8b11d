import type { ProcessFiles } from "../../hyperstart/mod.ts";
import {
  type ChildProgram,
  type Fd,
  type HeldProcess,
  type Poller,
  rawSyscall,
  SYS,
} from "../../sys/mod.ts";
import { traceSteps } from "../../trace.ts";
import { Alarm } from "./alarm.ts";
import { Cgroup } from "./cgroup.ts";
import { Container } from "./container.ts";
import {
  mappedTree,
  planFurtherMounts,
  planMounts,
  type PlannedMounts,
  writeEtc,
} from "./container_mounts.ts";
import { planContainer } from "./container_plan.ts";
import { type ContainerPlan, containerProgram } from "./container_program.ts";
import { type MountPlaces, openRoot } from "./container_root.ts";
import { allowedDevices } from "./devices.ts";
import { type EtcFile, etcFiles } from "./etc_files.ts";
import { fromFirstPresent } from "./executable.ts";
import { makeDirectory, removeDirectory } from "./guest_files.ts";
import { HeldStart } from "./held_start.ts";
import { kernelFacts } from "./kernel_facts.ts";
import type { PlannedMount } from "./mount_program.ts";
import { endsAsOne, type NamespacePlan, SharedNamespaces } from "./namespaces.ts";
import { clearNetwork, configureNetwork, giveLinkLocals, setInterface } from "./network.ts";
import { startHeapPage } from "./heap_page.ts";
import { collectOrphans } from "./orphans.ts";
import type { ParkedContainer } from "./parked_container.ts";
import { Parking } from "./parking.ts";
import { planProcess } from "./process_plan.ts";
import { processFiles } from "./process_files.ts";
import { processTable } from "./process_table.ts";
import { onlineResources } from "./resources.ts";
import { addEntropy, moveClock } from "./renewal.ts";
import { deleteRoutes, setRoutes } from "./routes.ts";
import { isRunningProcess, RunningProcess } from "./running_process.ts";
import type {
  ContainerSpec,
  FrameSink,
  GuestContainer,
  InterfaceSpec,
  PodSpec,
  ResourceTotals,
  RouteSpec,
  Runtime,
} from "./runtime.ts";
import { Refusal } from "./runtime.ts";
import { Share, shareMount } from "./share.ts";
import { SharedMemory } from "./shared_memory.ts";
import { isInTree, readInTree, readOpened } from "./small_file.ts";
import { startError } from "./start_error.ts";
import { StartHooks } from "./start_hooks.ts";
import { openStdio } from "./stdio.ts";
import { lookUpIdentity } from "./users.ts";

const SIGKILL = 9;
/**
 * How long an interface may wait for its link-local address that has no other of IPv6, in milliseconds: until the first
 * container has started. The kernel takes a second or two to try it out in any case.
 */
const LINK_LOCAL_DELAY = 300;

/** What a {@linkcode PodRuntime} is connected to and where it works. */
export interface PodRuntimeOptions {
  poller: Poller;
  /** Takes the output of all processes. */
  sink: FrameSink;
  /** An existing directory for what is made meanwhile. */
  directory: string;
  /** Directory of the cgroup (version 2) below which containers get theirs. Default: none get any. */
  cgroups?: string | undefined;
  /** Whether the host name and network are this program's to set. */
  ownsMachine?: boolean;
  /** Whether a first process waits for the next container when there is none. */
  parks?: boolean;
  /** Mounts the shared directory with this tag on a path. */
  mountShare?: (tag: string, path: string) => void;
}

/** Containers on the kernel that this runs on. */
export class PodRuntime implements Runtime, Disposable {
  readonly #options: PodRuntimeOptions;
  #share: Share | undefined;
  #etc: EtcFile[] = [];
  #hostname = "";
  #count = 0;
  /** First processes, by container. */
  readonly #processes = new Map<string, RunningProcess>();
  readonly #namespaces = new SharedNamespaces();
  readonly #sharedMemory: SharedMemory;
  readonly #parking: Parking | undefined;
  readonly #linkLocals: Alarm | undefined;

  constructor(options: PodRuntimeOptions) {
    this.#options = options;
    if (options.ownsMachine) {
      this.#linkLocals = new Alarm(options.poller, LINK_LOCAL_DELAY, giveLinkLocals);
    }
    this.#sharedMemory = new SharedMemory(options.directory);
    if (options.parks) this.#parking = new Parking(options.cgroups, () => this.#nextName());
  }

  async startPod(pod: PodSpec): Promise<void> {
    const { ownsMachine } = this.#options;
    const mountShare = this.#options.mountShare ?? shareMount(pod.shareType);
    if (pod.shareDir === "") throw new Refusal("Cannot start the pod: shareDir is empty");
    if (ownsMachine) renew(pod);
    using steps = traceSteps("mount the share");
    using undo = new DisposableStack();
    const share = new Share(mountShare, pod.shareDir, `${this.#options.directory}/share`);
    undo.defer(() => share.close());
    if (!pod.shareLater) void share.root;
    steps.next("host name and network");
    if (ownsMachine) {
      if (pod.hostname !== "") setHostname(pod.hostname);
      try {
        await configureNetwork(pod.interfaces, pod.routes);
        this.#linkLocals?.set();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Refusal(`Could not setup the network: ${reason}`);
      }
    }
    this.#etc = etcFiles(pod);
    this.#hostname = pod.hostname;
    this.#share = share;
    undo.move();
  }

  async stopPod(): Promise<void> {
    this.#etc = [];
    this.#namespaces.clear();
    this.#sharedMemory.clear();
    if (this.#options.ownsMachine) await clearNetwork();
    this.#share?.close();
    this.#share = undefined;
    rawSyscall(SYS.sync);
    this.#park(false);
    // Perhaps the machine is saved now.
    if (this.#options.ownsMachine) startHeapPage();
  }

  /** Ends what waits. */
  [Symbol.dispose](): void {
    this.#parking?.[Symbol.dispose]();
  }

  async startContainer(spec: ContainerSpec): Promise<GuestContainer> {
    try {
      return await this.#start(spec);
    } catch (error) {
      const doing = `Container ${spec.id} could not be created`;
      throw startError(error, spec.process.args[0] ?? "", doing);
    }
  }

  async #start(spec: ContainerSpec): Promise<Container> {
    using steps = traceSteps("its root and mounts");
    const { poller, sink, cgroups } = this.#options;
    using held = new DisposableStack();
    using unstarted = new DisposableStack();
    const parked = this.#parking?.take(spec);
    if (parked) unstarted.use(parked);
    const name = parked?.name ?? this.#nextName();
    const places = this.#makePlaces(name, held);
    const own = spec.guestRoot ? parked?.root : undefined;
    const root = own ? held.use(own) : await openRoot(spec, places);
    const planned = await this.#planMounts(spec, root, places, parked, own !== undefined);
    const { mounts, devpts } = planned;
    steps.next("its user");
    const identity = lookUpIdentity(
      spec.process,
      accountFile(root, mounts, "/etc/passwd"),
      () => accountFile(root, mounts, "/etc/group"),
    );
    steps.next("its streams");
    const stdio = unstarted.use(
      openStdio(spec.process, identity.uid, devpts.number, parked?.pipes),
    );
    const process = planProcess(spec.process, identity, stdio.child);
    // What is mounted in the root later is not to be seen yet.
    if (spec.fsmap.length + spec.tmpfs.length + spec.mounts.length === 0) {
      const isThere = (path: string) => isInTree(root.number, path);
      process.candidates = fromFirstPresent(process.candidates, isThere);
    }
    steps.next("its control group");
    const cgroup = parked
      ? parked.cgroup
      : cgroups === undefined
      ? undefined
      : unstarted.use(new Cgroup(cgroups, name));
    cgroup?.limitFirst(spec.constraints, places.warnings);
    if (!parked) cgroup?.confineDevices(allowedDevices(spec, places.devices));
    steps.next("plan of its start");
    const plan = planContainer(spec, {
      root,
      planned,
      cgroup,
      process,
      warnings: places.warnings,
      namespaces: this.#planNamespaces(spec),
      isParked: parked !== undefined,
      isEntered: own !== undefined,
      podName: this.#hostname,
      machineName: this.#machineName,
    });
    using launch = new DisposableStack();
    const hooks = spec.startHooks ? launch.use(new StartHooks(spec.startHooks)) : undefined;
    steps.next("start its process");
    const { pid, process: waiting } = parked
      ? { pid: parked.become(plan) }
      : startProgram(containerProgram(plan, hooks), plan, hooks);
    if (waiting) launch.use(waiting);
    steps.next("watch its process");
    const init = new RunningProcess(poller, pid, stdio, spec.process, sink);
    stdio.closeChild();
    unstarted.move();
    if (parked) {
      if (spec.process.terminal) parked.pipes[Symbol.dispose]();
      init.whenCollected(() => parked.letGo());
    }
    const start = waiting && new HeldStart(waiting, hooks, launch.move());
    if (start) init.hold();
    this.#keep(spec.id, init, plan, cgroup, held);
    const { disks, warnings } = places;
    const parts = {
      id: spec.id,
      program: spec.process.args[0]!,
      poller,
      sink,
      init,
      root,
      devpts,
      cgroup,
      inherited: process,
      start,
    };
    const onRemoved = () => {
      // A zombie costs next to nothing: now is soon enough.
      if (this.#options.ownsMachine) collectOrphans(isRunningProcess);
      this.#park(spec.guestRoot);
    };
    return new Container({ ...parts, disks, warnings, held: held.move(), onRemoved });
  }

  /** In a machine that runs containers a process that waits would only be in their way. */
  #park(withRoot: boolean): void {
    if (this.#processes.size === 0) this.#parking?.refill(withRoot);
  }

  /** A number, not the host's identifiers: those may be anything. */
  #nextName(): string {
    return `podvisor-${++this.#count}`;
  }

  #planMounts(
    spec: ContainerSpec,
    root: Fd,
    places: MountPlaces,
    parked: ParkedContainer | undefined,
    isEntered: boolean,
  ): Promise<PlannedMounts> {
    if (isEntered) writeEtc(spec, root, this.#etc);
    const etc = isEntered ? [] : this.#etc;
    if (parked) return planFurtherMounts(spec, root, etc, places, parked);
    const kernel = {
      cgroups: this.#options.cgroups !== undefined,
      hasMqueue: kernelFacts().hasMqueue,
    };
    return planMounts(spec, root, this.#etc, places, kernel);
  }

  #planNamespaces({ namespaces }: ContainerSpec): NamespacePlan {
    return this.#namespaces.plan(namespaces, (id) => {
      const init = this.#processes.get(id);
      return init?.exited ? undefined : init?.pidfd;
    });
  }

  /** Makes a started container known to those that will share something with it. */
  #keep(
    id: string,
    init: RunningProcess,
    { namespaces }: ContainerPlan,
    cgroup: Cgroup | undefined,
    held: DisposableStack,
  ): void {
    this.#processes.set(id, init);
    held.defer(() => this.#processes.delete(id));
    this.#namespaces.keep(namespaces, init.pid);
    // With a pid namespace the kernel does it.
    if (!endsAsOne(namespaces)) init.whenExited(() => cgroup?.signal(SIGKILL));
  }

  moveClock(offset: number): void {
    moveClock(offset);
  }

  setInterface(wanted: InterfaceSpec): Promise<void> {
    return setInterface(wanted);
  }

  setRoutes(routes: readonly RouteSpec[]): Promise<void> {
    setRoutes(routes);
    return Promise.resolve();
  }

  deleteRoutes(routes: readonly RouteSpec[]): Promise<void> {
    deleteRoutes(routes);
    return Promise.resolve();
  }

  async onlineResources(added: ResourceTotals): Promise<void> {
    await onlineResources(added);
  }

  processTable(pids: readonly number[], args: readonly string[]): string {
    return processTable(pids, args);
  }

  processFiles(pids: readonly number[]): ProcessFiles {
    return processFiles(pids);
  }

  /** The pod's name, where it is the machine's. */
  get #machineName(): string {
    return this.#options.ownsMachine ? this.#hostname : "";
  }

  #makePlaces(name: string, held: DisposableStack): MountPlaces {
    if (!this.#share) throw new Refusal("Pod not started, impossible to run a new container");
    let made: string | undefined;
    const directory = () => {
      if (made !== undefined) return made;
      made = `${this.#options.directory}/${name}`;
      makeDirectory(made);
      held.defer(() => removeDirectory(made!));
      return made;
    };
    return {
      share: this.#share,
      directory,
      disks: [],
      devices: [],
      sharedMemory: this.#sharedMemory,
      warnings: [],
      held,
    };
  }
}

/** Before anything of the pod's is there: nothing of it draws what another restored machine would have drawn. */
function renew({ entropy, clockOffset }: PodSpec): void {
  if (entropy !== "") addEntropy(Uint8Array.fromHex(entropy));
  if (clockOffset !== 0) moveClock(clockOffset);
}

function startProgram(
  program: ChildProgram,
  { namespaces, held }: ContainerPlan,
  hooks: StartHooks | undefined,
): { pid: number; process?: HeldProcess } {
  try {
    if (!held) return { pid: program.start(namespaces.made) };
    const process = program.startHeld(namespaces.made);
    return { pid: process.pid, process };
  } catch (error) {
    throw hooks ? hooks.explain(error) : error;
  }
}

function accountFile(root: Fd, mounts: readonly PlannedMount[], path: string): string {
  const mapped = mappedTree(mounts, path);
  return mapped === undefined ? readInTree(root.number, path) : readOpened(mapped);
}

function setHostname(name: string): void {
  const bytes = new TextEncoder().encode(name);
  const result = rawSyscall(SYS.sethostname, bytes, bytes.length);
  if (result < 0) throw new Refusal(`Cannot set the host name ${name}: errno ${-result}`);
}
