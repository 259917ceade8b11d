import type {
  CgroupCounters,
  EnvVar,
  GuestInterface,
  GuestRoute,
  NewContainer,
  Scheduling,
  SeccompFilter,
} from "../hyperstart/mod.ts";

/** A limit on a resource, by the kernel's name: `RLIMIT_NOFILE`. */
export interface ResourceLimit {
  type: string;
  hard: number;
  soft: number;
}

/** Capability sets, by name: `CAP_NET_RAW`. */
export interface CapabilityLists {
  bounding: string[];
  effective: string[];
  inheritable: string[];
  permitted: string[];
  ambient: string[];
}

/** A program to run in a container. Users and groups are names or numbers of the container's own files. */
export interface Command {
  args: string[];
  env: EnvVar[];
  cwd: string;
  /** Empty: root. */
  user: string;
  /** Empty: the user's own. */
  group: string;
  additionalGroups: string[];
  terminal: boolean;
  /** Initial size of the terminal, if it is known. */
  size: { rows: number; columns: number } | null;
  /** null: the guest's default set. */
  capabilities: CapabilityLists | null;
  noNewPrivileges: boolean;
  limits: ResourceLimit[];
  /** File mode creation mask. Absent: the guest's. */
  umask?: number;
  /** -1000 (never killed for lack of memory) to 1000 (first). */
  oomScoreAdj?: number;
  /** As ioprio_set(2) takes it. */
  ioPriority?: number;
  scheduling?: Scheduling;
  /** Execution domain and flags, as personality(2) takes them. */
  personality?: number;
  /** In a further process of a container, absent: the container's. */
  seccomp?: SeccompFilter;
}

/** A file or directory of the share, mounted in a container. */
export interface SharedMount {
  /** Name below the share. */
  source: string;
  /** Path in the container. */
  destination: string;
  readOnly: boolean;
}

/** CPU limits of a container; 0: none. */
export interface CpuLimits {
  /** Microseconds of CPU time per period. */
  quota: number;
  /** Microseconds. */
  period: number;
  shares: number;
  /** Processors that may be used, such as `0-1,3`. Empty or absent: all. */
  set?: string;
}

/** Limits on what a container uses; 0: none. */
export interface ContainerLimits {
  cpu: CpuLimits;
  /** Bytes. */
  memory: number;
  /** Processes and threads. */
  pids: number;
  /** Further files of its control group (version 2), by name. */
  files?: Record<string, string>;
}

/** What an engine decides about a container; without it the guest does as it thinks fit. */
export type ContainerDetails =
  & Required<
    Pick<
      NewContainer,
      | "mounts"
      | "devices"
      | "deviceRules"
      | "hostname"
      | "domainname"
      | "propagation"
      | "namespaces"
      | "sysctl"
    > & { [K in "maskedPaths" | "readonlyPaths"]: string[] }
  >
  & Pick<NewContainer, "startHooks">;

/** A disk of the VM, as its guest finds it: by a name below /dev, or by a SCSI address. */
export interface GuestDisk {
  /** `vdb`; empty for a SCSI disk. */
  name: string;
  /** `id:lun`; empty for any other. */
  scsiAddr: string;
}

/** A disk that a container has as a node. */
export interface DiskNode extends GuestDisk {
  /** Path in the container. */
  destination: string;
  readOnly: boolean;
}

/** A file system in memory. */
export interface MemoryMount {
  /** Path in the container. */
  destination: string;
  /** Bytes; 0: half of the memory. */
  size: number;
  /** Permissions of its root. */
  mode: number;
  readOnly: boolean;
  exec: boolean;
}

/** A container as the guest is to make it. */
export interface GuestContainer extends ContainerLimits {
  id: string;
  /** Name of its directory below the share; its root file system is `rootfs` in there. */
  image: string;
  /** The disk that its root file system is on, instead of the share. */
  rootDisk: (GuestDisk & { fstype: string }) | null;
  /** Whether its root is the built-in one and ends with it: the guest may take one that it has itself. */
  guestRoot?: boolean;
  readOnlyRoot: boolean;
  command: Command;
  mounts: SharedMount[];
  disks: DiskNode[];
  memoryMounts: MemoryMount[];
  /** Size of /dev/shm in bytes; 0: the guest's default. */
  shmSize: number;
  /** Whether it sees the guest's /dev instead of one of its own. */
  bindMountDev: boolean;
  /** Mounts in it name {@linkcode GuestContainer.mounts} by their index. */
  details?: ContainerDetails;
}

/** What the pod tells its guest when it starts. */
export interface GuestPod {
  hostname: string;
  interfaces: GuestInterface[];
  routes: GuestRoute[];
  dns: string[];
  dnsSearch: string[];
  /** How files are shared. Default: 9p. */
  share?: "9p" | "virtiofs";
}

/** Where the standard streams of a process are to be had: the proxy's address, and the token that opens them. */
export interface ProcessStreams {
  url: string;
  token: string;
}

/** What a driver's guests can do. */
export interface AgentCapabilities {
  /** Containers whose root file system is a block device. */
  blockDevices: boolean;
}

/** What has been plugged into a VM in total, for the guest to wait for. */
export interface PluggedResources {
  cpus: number;
  memoryMiB: number;
}

/** A serial port that a VM must have for its agent. */
export interface GuestPort {
  /** Names of the device and of its backend, unique in the VM. */
  deviceId: string;
  backendId: string;
  /** Socket on the host. */
  hostPath: string;
  /** Name in the guest, by which the agent finds it. */
  name: string;
}

/** Sockets of the guest's two serial ports on the host. */
export interface SocketPaths {
  control: string;
  stream: string;
}

/** Where a driver has its things. */
export interface AgentPlaces {
  /** The pod's directory, in which sockets are that the configuration does not say. */
  directory: string;
  /** What the configuration says. */
  sockets?: Partial<SocketPaths> | undefined;
}

/** What a VM must have for its agent. */
export interface GuestDevices {
  /** Control first. */
  ports: GuestPort[];
  /** Directory that the guest mounts by its tag; null: none. */
  share: { path: string; tag: string } | null;
}

/**
 * The agent in the VM, as the host drives it. Every method rejects with a {@linkcode Failure} or the protocol's own
 * error, and leaves behind nothing of its own when it does.
 */
export interface Agent {
  /** Chooses the guest's sockets; comes before all else. @throws {Failure} for one whose path is too long for a socket */
  init(places: AgentPlaces): void;
  /** What its guests can do. */
  capabilities(): AgentCapabilities;
  /** What is to be added to the VM for it. @param share directory that the pod shares with its guest */
  createPod(share: string): GuestDevices;
  /**
   * Connects to the VM's guest, waits until it is ready, and starts the pod in it.
   *
   * @param pod what it is told, which need not be known before it is ready
   * @param formerId the pod that it was, for a guest that has waited ({@linkcode Agent.emptyPod}): its proxy has it
   *   already, and has moved to this pod's place
   */
  startPod(pod: GuestPod | Promise<GuestPod>, formerId?: string): Promise<void>;
  /** Ends every container and takes the guest's pod down; its proxy keeps the guest, for another pod to be started in. */
  emptyPod(): Promise<void>;
  /** Ends every container and takes the guest's pod down. */
  stopPod(): Promise<void>;
  /** Reserves the streams of a process that is to be started. */
  reserveStreams(): Promise<ProcessStreams>;
  /** Gives streams back that no process will have; ones that are not known are fine. */
  releaseStreams(token: string): Promise<void>;
  /** Starts a container whose shim has claimed `token`. */
  startContainer(container: GuestContainer, token: string): Promise<void>;
  /**
   * Makes a container whose shim has claimed `token`, and whose program waits until it is released.
   *
   * @returns false for a guest that cannot: nothing has been made then
   */
  holdContainer(container: GuestContainer, token: string): Promise<boolean>;
  /** Runs the program of a container that was made so. */
  releaseContainer(container: string): Promise<void>;
  /** Runs a further process in a container; its shim has claimed `token`. */
  exec(container: string, command: Command, token: string): Promise<void>;
  /** Signals the first process of a container, or all. */
  killContainer(container: string, signal: number, all: boolean): Promise<void>;
  /** Forgets a container that has ended. */
  removeContainer(container: string): Promise<void>;
  /** Processes of a container: `json` (an array of guest pids) or `table` (as `ps` prints them). */
  listProcesses(container: string, format: "json" | "table", args: string[]): Promise<string>;
  /** Limits a container that runs. @throws {Failure} when the guest cannot */
  updateContainer(container: string, limits: ContainerLimits): Promise<void>;
  /** Makes a container's processes stand still, or lets them go on. @throws {Failure} when the guest cannot */
  freezeContainer(container: string, frozen: boolean): Promise<void>;
  /** What a container has used, by its cgroup. @throws {Failure} when the guest cannot tell */
  containerCounters(container: string): Promise<CgroupCounters>;
  /** Brings processors and memory that were plugged in into use. */
  onlineCPUMem(plugged?: PluggedResources): Promise<void>;
  /** Adds what proxy and guest have recorded of this driver's commands to this process's trace, if there is one. */
  collectTrace(): Promise<void>;
  /** Sets up a network card that has been plugged in. */
  setInterface(wanted: GuestInterface): Promise<void>;
  /** Makes routes, or replaces those to the same places. */
  setRoutes(routes: readonly GuestRoute[]): Promise<void>;
  /** Takes routes away. @throws {Failure} when the guest has no command for it, or no such route */
  deleteRoutes(routes: readonly GuestRoute[]): Promise<void>;
  /** Closes the connection; the pod goes on. */
  close(): void;
}
