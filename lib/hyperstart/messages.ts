/**
 * The JSON payloads of the control channel (hyperstart-protocol 7). A key with `?` may be absent; the parsers in
 * `parse_messages.ts` fill it in. "Extension" marks keys of podvisor's own: the Go agent ignores keys it does not know,
 * so they are safe to send to it; C hyperstart refuses most of them.
 */

/** `{env, value}`: one environment variable. */
export interface EnvVar {
  env: string;
  value: string;
}

/** A resource limit; `type` is the kernel's name without `RLIMIT_`, in any case, or with it. */
export interface Rlimit {
  type: string;
  hard: number;
  soft: number;
}

/** Capability sets by name, `CAP_NET_RAW` or so. null leaves the set to the guest; an empty array empties it. */
export interface CapabilitySets {
  bounding: string[] | null;
  effective: string[] | null;
  inheritable: string[] | null;
  permitted: string[] | null;
  ambient: string[] | null;
}

/** Extension: a filter of system calls, installed before the program is executed. */
export interface SeccompFilter {
  /** Classic BPF (`struct sock_filter`, little-endian) in base64. */
  program: string;
  /** SECCOMP_FILTER_FLAG_… of seccomp(2). */
  flags: number;
}

/** Extension: how a process is scheduled, with the numbers of sched_setattr(2). */
export interface Scheduling {
  policy: number;
  flags: number;
  nice: number;
  priority: number;
  /** Nanoseconds, of the deadline policy. */
  runtime: number;
  deadline: number;
  period: number;
}

/** A process to run: part of NEWCONTAINER and EXECCMD. */
export interface Process {
  /** C hyperstart's name of the process; in the Go dialect the decimal `stdio` by default. */
  id?: string;
  /** Name or number, looked up in the container's own files. Empty: root. */
  user?: string;
  /** Name or number. Empty: the user's. */
  group?: string;
  additionalGroups?: string[];
  terminal: boolean;
  /** Sequence of stdin and stdout. 0 or absent on the way to a proxy, which fills it in. */
  stdio?: number;
  /** Sequence of stderr; 0 or absent with a terminal. */
  stderr?: number;
  args: string[];
  envs?: EnvVar[];
  workdir: string;
  /** In the Go agent's structure, but ignored by it; the built-in guest applies them. */
  rlimits?: Rlimit[];
  noNewPrivileges: boolean;
  capabilities: CapabilitySets;
  /** Extension (and C hyperstart 0.7): initial size of the terminal. 0: unknown. */
  rows?: number;
  columns?: number;
  /** Extension, filled in by a proxy: output credit of each sequence at the start. 0 or absent: no limit. */
  outputCredit?: number;
  /** Extension: file mode creation mask. null or absent: the guest's 022. */
  umask?: number | null;
  /** Extension: -1000 (never killed for lack of memory) to 1000 (first). */
  oomScoreAdj?: number;
  /** Extension: as ioprio_set(2) takes it. 0: none. */
  ioPriority?: number;
  /** Extension. */
  scheduling?: Scheduling | null;
  /** Extension: execution domain and flags of personality(2). null or absent: as the agent has it. */
  personality?: number | null;
  /** Extension. In a further process of a container, absent: the container's. */
  seccomp?: SeccompFilter | null;
}

/** A bind mount from the shared directory, or from a path or disk of the guest, into the container. */
export interface FsMap {
  source: string;
  path: string;
  readOnly: boolean;
  dockerVolume: boolean;
  /** `source` is a path in the guest. */
  absolutePath: boolean;
  /** SCSI `id:lun` of a disk to use as source; "" for none. */
  scsiAddr: string;
}

/** A block device or `_data` directory to mount (C hyperstart). */
export interface Volume {
  device: string;
  addr?: string;
  mount: string;
  fstype?: string;
  readOnly: boolean;
  dockerVolume: boolean;
}

export interface SystemMountsInfo {
  /** Hot-plugged device nodes are bind mounted into the container's /dev. */
  bindMountDev: boolean;
  /** Size of /dev/shm in bytes. The Go agent carries and ignores it; 0: 64 MiB. */
  devShmSize: number;
}

/** Limits on resources, with capitals as the Go structures have them. 0: no limit. */
export interface Constraints {
  /** Microseconds of CPU time per period. */
  CPUQuota: number;
  /** Microseconds. */
  CPUPeriod: number;
  CPUShares: number;
  /** Extension: processors that may be used, such as `0-1,3`. Empty: all. */
  CPUSet?: string;
  /** Extension: bytes of memory, page cache included. */
  MemoryLimit?: number;
  /** Extension: processes and threads. */
  PidsLimit?: number;
  /** Extension: further files of the control group (version 2), by name. */
  files?: Record<string, string>;
}

/** Extension: a file system in memory, mounted in a container. */
export interface TmpfsMount {
  /** Mount point in the container, made when it is not there. */
  path: string;
  /** Bytes. 0: the kernel's default, half of the memory. */
  size: number;
  /** Permissions of its root. */
  mode: number;
  readOnly: boolean;
  /** Whether programs in it may be executed. */
  exec: boolean;
}

/** Extension: a mount, in place of those that the guest makes by itself. */
export interface GuestMount {
  /** Absolute path in the container, made when it is not there. */
  path: string;
  /** `bind`, or a file system of the kernel's. */
  type: string;
  /** Of a bind mount: which of `fsmap` is shown here, and not where it says itself. -1: none. */
  fsmap?: number;
  /** Of a bind mount without `fsmap`: a path in the guest. Of another: the source that the file system wants. */
  source?: string;
  /** Options of the file system: `key=value` or `key`. */
  options?: string[];
  /** MOUNT_ATTR_… of mount_setattr(2) to set and to clear. */
  set?: number;
  clear?: number;
  /** The same for mounts below it, too. */
  setBelow?: number;
  clearBelow?: number;
  /** MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, with MS_REC for the mounts below. 0: private. */
  propagation?: number;
  /** Containers of the pod that name it the same have the same file system. Empty: one of its own. */
  sharedAs?: string;
  /** What the image has at this path is copied into the new file system. */
  copyUp?: boolean;
}

/** Extension: a node to be made in a container. */
export interface GuestDevice {
  path: string;
  /** Character device, or named pipe. */
  type: "c" | "p";
  major: number;
  minor: number;
  /** Permissions. */
  mode: number;
  uid: number;
  gid: number;
}

/** Extension: which devices a container may use; of several rules for a device the last holds, and without any, none. */
export interface DeviceRule {
  allow: boolean;
  /** All, block or character devices. */
  type: "a" | "b" | "c";
  /** -1: any. */
  major: number;
  minor: number;
  /** Of `r`, `w` and `m` (to make nodes). */
  access: string;
}

/** Extension: programs of the container's own that run in it before its process is executed. */
export interface StartHooks {
  /** What each gets on its stdin. */
  state: string;
  hooks: StartHook[];
}

/** One of them. */
export interface StartHook {
  path: string;
  /** With the program's name as its first. Empty: the path alone. */
  args: string[];
  /** `NAME=VALUE`. */
  env: string[];
  /** Seconds until it is killed. 0: never. */
  timeout: number;
}

/** NEWCONTAINER. */
export interface NewContainer {
  id: string;
  /** Path below the image root that becomes `/`. */
  rootfs: string;
  /** Directory below the share, or with `fstype` the name of a block device. */
  image: string;
  fstype?: string;
  scsiAddr?: string;
  volumes?: Volume[];
  fsmap?: FsMap[];
  sysctl?: Record<string, string>;
  process: Process;
  restartPolicy: string;
  initialize: boolean;
  systemMountsInfo: SystemMountsInfo;
  constraints: Constraints;
  /** Extension (and C hyperstart 1.1): the root file system is read-only. */
  readOnly?: boolean;
  /** Extension. */
  tmpfs?: TmpfsMount[];
  /** Extension: all mounts in order, with /proc, /sys and /dev. Empty: the guest's own choice of these. */
  mounts?: GuestMount[];
  /** Extension: nodes beside those that every container has. */
  devices?: GuestDevice[];
  /** Extension: beside what every container may use. */
  deviceRules?: DeviceRule[] | null;
  /** Extension: paths that are hidden; those that are not there are left out. null or absent: the guest's choice. */
  maskedPaths?: string[] | null;
  /** Extension: paths that become read-only. null or absent: the guest's choice. */
  readonlyPaths?: string[] | null;
  /** Extension: names of the container's own. Empty: the pod's. */
  hostname?: string;
  domainname?: string;
  /** Extension: propagation of mounts at the root: `shared`, `slave`, `private`, `unbindable`. Empty: private. */
  propagation?: string;
  /**
   * Extension: namespaces that are not the container's own, by kind (`pid`, `ipc`, `uts`): empty for the machine's,
   * `container:ID` for a container's, any other name for one that all share that give this name.
   */
  namespaces?: Record<string, string>;
  /** Extension. */
  startHooks?: StartHooks | null;
}

/** Extension: new limits for a container that runs; what is absent becomes unlimited. */
export interface UpdateContainer {
  container: string;
  constraints: Constraints;
}

/** Extension: makes a container's processes stand still, or lets them go on. */
export interface FreezeContainer {
  container: string;
  frozen: boolean;
}

/**
 * ONLINECPUMEM. Extension: what the host has plugged in in total, for which the guest waits before it answers; with an
 * empty payload it takes what is there.
 */
export interface OnlineResources {
  /** Processors. */
  cpus: number;
  /** Memory in MiB. */
  memoryMiB: number;
}

export interface IpAddress {
  /** Address text; IPv6 is an extension. */
  ipAddress: string;
  /** Prefix length as text. */
  netMask: string;
}

/** A network interface: part of STARTPOD, and SETUPINTERFACE. */
export interface GuestInterface {
  /** Name in the guest before renaming; C hyperstart needs it. */
  device?: string;
  newDeviceName?: string;
  ipAddresses: IpAddress[];
  mtu: number;
  macAddr: string;
}

/** One of several ways of a route. */
export interface GuestNextHop {
  gateway?: string;
  device: string;
  /** Share of the traffic, to 256. 0: 1. */
  weight: number;
}

/** A route: part of STARTPOD, and of SETUPROUTE. */
export interface GuestRoute {
  /** `default` (IPv4) or `address/prefix`; IPv6, `::/0` for its default route, is an extension. */
  dest: string;
  gateway?: string;
  device?: string;
  src?: string;
  /** Extension: lower ones win. 0: the kernel's default. */
  metric?: number;
  /** Extension: bytes. 0: the interface's. */
  mtu?: number;
  /** Extension: the gateway is on the link although no route says so. */
  onlink?: boolean;
  /** Extension: the ways of a route that has several, in place of `gateway` and `device`. */
  nextHops?: GuestNextHop[];
}

/** STARTPOD. `containers` in it are not supported: each gets its own NEWCONTAINER. */
export interface StartPod {
  hostname: string;
  interfaces?: GuestInterface[];
  routes?: GuestRoute[];
  /** Name servers. The Go agent stores and ignores them; the built-in guest writes them to resolv.conf. */
  dns?: string[];
  /** Extension (and C hyperstart 1.1): search domains. */
  dnsSearch?: string[];
  /** Extension (and C hyperstart 1.1): resolver options. */
  dnsOptions?: string[];
  /** Mount tag of the share. */
  shareDir: string;
  /** Extension: the share's file system, `virtiofs`. Empty: 9p. */
  shareType?: string;
  /** Extension: secret bytes for the guest's random numbers, in hex. */
  entropy?: string;
  /** Extension: microseconds by which the guest's clock is to be set forward, or back. */
  clockOffset?: number;
}

/** EXECCMD. */
export interface ExecCommand {
  container: string;
  process: Process;
}

/** KILLCONTAINER. */
export interface KillContainer {
  container: string;
  signal: number;
  allProcesses: boolean;
}

/** REMOVECONTAINER. */
export interface RemoveContainer {
  container: string;
}

/** PSCONTAINER: `json` answers an array of guest process ids, `table` the output of ps. */
export interface PsContainer {
  container: string;
  format: string;
  psargs: string[];
}

/** WINSIZE by sequence: 0.7.0, the Go agent, the built-in guest and cc-proxy. */
export interface WindowSize {
  seq: number;
  row: number;
  column: number;
}

/** WINSIZE by names: C hyperstart 1.1. */
export interface NamedWindowSize {
  container: string;
  process: string;
  row: number;
  column: number;
}

/** SETUPROUTE, and the extension that deletes routes. */
export interface SetupRoutes {
  routes: GuestRoute[];
}

/** SIGNALPROCESS of C hyperstart 1.1. */
export interface NamedSignal {
  container: string;
  process: string;
  signal: number;
}

/** PROCESSASYNCEVENT of C hyperstart 1.1: a process has ended. */
export interface ProcessEvent {
  container: string;
  process: string;
  /** Only "finished" is known. */
  event: string;
  status: number;
}

type CompleteValue<V> = V extends (infer U)[] ? CompleteValue<U>[]
  : V extends string | number | boolean | null ? V
  : Complete<V>;

/** A message as a parser returns it: every key is there. */
export type Complete<T> = { [K in keyof T]-?: CompleteValue<Exclude<T[K], undefined>> };
