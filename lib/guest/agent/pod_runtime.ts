import {
  cloneTree,
  createMount,
  type Fd,
  mount,
  MOUNT_NOEXEC,
  MOUNT_NOSUID,
  O_DIRECTORY,
  O_PATH,
  open,
  type Poller,
  rawSyscall,
  SYS,
  unmount,
} from "../../sys/mod.ts";
import { Cgroup } from "./cgroup.ts";
import { Container } from "./container.ts";
import { mappedTree, type MountPlaces, normal, openRoot, planMounts } from "./container_mounts.ts";
import { type ContainerPlan, containerProgram, type PlannedMount } from "./container_program.ts";
import { ALL_DEVICES, DEFAULT_DEVICES } from "./device_filter.ts";
import { type EtcFile, etcFiles } from "./etc_files.ts";
import { exists, makeDirectory, removeDirectory } from "./guest_files.ts";
import { kernelFacts } from "./kernel_facts.ts";
import { loadModules } from "./modules.ts";
import { configureNetwork, setInterface } from "./network.ts";
import { collectOrphans } from "./orphans.ts";
import { planProcess } from "./process_plan.ts";
import { OWN_NAMESPACES } from "./process_program.ts";
import { processTable } from "./process_table.ts";
import { onlineResources } from "./resources.ts";
import { addEntropy, moveClock } from "./renewal.ts";
import { setRoutes } from "./routes.ts";
import { raiseReadAhead } from "./read_ahead.ts";
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
import { readInTree, readOpened, tryOpenInTree } from "./small_file.ts";
import { startError } from "./start_error.ts";
import { openStdio } from "./stdio.ts";
import { lookUpIdentity } from "./users.ts";

const DEFAULT_SHM = 64 << 20;
const MS_NODEV = 4;
/** The original's own tests and ours found large messages and mmap of shared files to be what programs need. */
const SHARE_OPTIONS = "trans=virtio,version=9p2000.L,msize=512000,cache=mmap";

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
  /** Mounts the shared directory with this tag on a path. */
  mountShare?: (tag: string, path: string) => void;
}

/** Containers on the kernel that this runs on. */
export class PodRuntime implements Runtime {
  readonly #options: PodRuntimeOptions;
  #share: Fd | undefined;
  #etc: EtcFile[] = [];
  #count = 0;

  constructor(options: PodRuntimeOptions) {
    this.#options = options;
  }

  async startPod(pod: PodSpec): Promise<void> {
    const { ownsMachine } = this.#options;
    const mountShare = this.#options.mountShare ?? shareMount(pod.shareType);
    if (pod.shareDir === "") throw new Refusal("Cannot start the pod: shareDir is empty");
    if (ownsMachine) renew(pod);
    using undo = new DisposableStack();
    if (!exists(this.#sharePath)) makeDirectory(this.#sharePath);
    mountShare(pod.shareDir, this.#sharePath);
    undo.defer(() => unmount(this.#sharePath));
    const share = undo.use(open(this.#sharePath, O_PATH | O_DIRECTORY));
    if (ownsMachine) {
      if (pod.hostname !== "") setHostname(pod.hostname);
      try {
        await configureNetwork(pod.interfaces, pod.routes);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Refusal(`Could not setup the network: ${reason}`);
      }
    }
    this.#etc = etcFiles(pod);
    this.#share = share;
    undo.move();
  }

  stopPod(): Promise<void> {
    this.#share?.close();
    this.#share = undefined;
    this.#etc = [];
    unmount(this.#sharePath);
    rawSyscall(SYS.sync);
    return Promise.resolve();
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
    const { poller, sink, cgroups, ownsMachine } = this.#options;
    // A zombie costs next to nothing: now is soon enough.
    if (ownsMachine) collectOrphans(isRunningProcess);
    using held = new DisposableStack();
    // Numbers, not the host's identifiers: those may be anything.
    const name = `podvisor-${++this.#count}`;
    const places = this.#makePlaces(name, held);
    const root = await openRoot(spec, places);
    const mounts = await planMounts(spec, root, this.#etc, places);
    const identity = lookUpIdentity(
      spec.process,
      accountFile(root, mounts, "/etc/passwd"),
      accountFile(root, mounts, "/etc/group"),
    );
    const devpts = held.use(newDevpts());
    using unstarted = new DisposableStack();
    const stdio = unstarted.use(openStdio(spec.process, identity.uid, devpts.number));
    const process = planProcess(spec.process, identity, stdio.child);
    const cgroup = cgroups === undefined
      ? undefined
      : unstarted.use(new Cgroup(cgroups, name, spec.constraints));
    const dev = spec.systemMountsInfo.bindMountDev ? held.use(guestDevices()) : undefined;
    cgroup?.confineDevices(dev ? ALL_DEVICES : [...DEFAULT_DEVICES, ...places.devices]);
    const plan = this.#plan(spec, { root, devpts, dev, cgroup, mounts, process });
    const pid = containerProgram(plan).start(OWN_NAMESPACES);
    const init = new RunningProcess(poller, pid, stdio, spec.process, sink);
    stdio.closeChild();
    unstarted.move();
    const { disks } = places;
    const parts = { id: spec.id, poller, sink, init, root, devpts, cgroup, inherited: process };
    return new Container({ ...parts, disks, held: held.move() });
  }

  #plan(
    spec: ContainerSpec,
    { root, devpts, dev, cgroup, mounts, process }: {
      root: Fd;
      devpts: Fd;
      dev: Fd | undefined;
      cgroup: Cgroup | undefined;
      mounts: PlannedMount[];
      process: ContainerPlan["process"];
    },
  ): ContainerPlan {
    using workdir = tryOpenInTree(root.number, process.workdir);
    return {
      root: root.number,
      devpts: devpts.number,
      dev: dev?.number,
      procs: cgroup?.procs.number,
      shmSize: spec.systemMountsInfo.devShmSize || DEFAULT_SHM,
      mounts,
      ...kernelFacts(),
      readOnlyRoot: spec.readOnly,
      sysctl: spec.sysctl,
      makeWorkdir: !workdir,
      process: { ...process, workdir: normal(process.workdir) },
    };
  }

  setInterface(wanted: InterfaceSpec): Promise<void> {
    return setInterface(wanted);
  }

  setRoutes(routes: readonly RouteSpec[]): Promise<void> {
    setRoutes(routes);
    return Promise.resolve();
  }

  async onlineResources(added: ResourceTotals): Promise<void> {
    await onlineResources(added);
  }

  processTable(pids: readonly number[], args: readonly string[]): string {
    return processTable(pids, args);
  }

  get #sharePath(): string {
    return `${this.#options.directory}/share`;
  }

  #makePlaces(name: string, held: DisposableStack): MountPlaces {
    if (!this.#share) throw new Refusal("Pod not started, impossible to run a new container");
    const directory = `${this.#options.directory}/${name}`;
    makeDirectory(directory);
    held.defer(() => removeDirectory(directory));
    return {
      share: this.#share,
      sharePath: this.#sharePath,
      directory,
      disks: [],
      devices: [],
      held,
    };
  }
}

/** Before anything of the pod's is there: nothing of it draws what another restored machine would have drawn. */
function renew({ entropy, clockOffset }: PodSpec): void {
  if (entropy !== "") addEntropy(Uint8Array.fromHex(entropy));
  if (clockOffset !== 0) moveClock(clockOffset);
}

/** @throws {Refusal} for a kind of share that is not known here */
function shareMount(type: string): (tag: string, path: string) => void {
  if (type === "" || type === "9p") {
    return (tag, path) => mount(tag, path, "9p", MS_NODEV, SHARE_OPTIONS);
  }
  if (type !== "virtiofs") throw new Refusal(`Cannot mount the share: ${type} is unknown`);
  return (tag, path) => {
    loadModules("virtiofs");
    mount(tag, path, "virtiofs", MS_NODEV);
    raiseReadAhead(path);
  };
}

/** The guest's /dev without what is mounted below it. */
function guestDevices(): Fd {
  using directory = open("/dev", O_PATH | O_DIRECTORY);
  return cloneTree(directory.number, "/dev");
}

/** An instance of the container's own: its terminals are seen nowhere else. */
function newDevpts(): Fd {
  const options = { mode: "0620", ptmxmode: "0666", gid: "5" };
  return createMount("devpts", options, MOUNT_NOSUID | MOUNT_NOEXEC);
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
