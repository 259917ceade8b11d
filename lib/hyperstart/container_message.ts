import type { Process } from "./process_message.ts";

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
  /** Extension: its root is podvisor's built-in one, and nobody sees it later: a guest may take one that it has itself. */
  guestRoot?: boolean;
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
  /** Extension: its program, and before it its hooks, wait until the container is released. */
  held?: boolean;
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
