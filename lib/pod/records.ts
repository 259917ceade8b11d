import type {
  Command,
  ContainerDetails,
  ContainerLimits,
  MemoryMount,
  SocketPaths,
} from "../agent/mod.ts";
import type { BlockDriver, DiskOptions, ForwardedPort, ShareKind } from "../hypervisor/mod.ts";
import type { InterworkingModel } from "../network/mod.ts";
import type { ProcessIdentity } from "../sys/mod.ts";
import type { PodKinds } from "./kinds.ts";
import type { LifeState } from "./state_machine.ts";

/** A pod on a bridge of the host. */
export interface BridgeNetwork {
  kind: "bridge";
  /** Name of the bridge. */
  name: string;
  model: InterworkingModel;
  /** Addresses with prefix length, at most one of each family. Empty: free ones of the bridge's own networks. */
  addresses: string[];
  /** At most one of each family. Where there is none it is the bridge's own address. */
  gateways: string[];
}

/** A pod in a network namespace that somebody else has made. */
export interface NamespaceNetwork {
  kind: "netns";
  path: string;
  model: InterworkingModel;
}

/** How a pod is joined to the network. */
export type NetworkConfig =
  | { kind: "none" }
  /** Behind a gateway that QEMU plays; ports of the host may lead to it. */
  | { kind: "user"; ports: ForwardedPort[] }
  | NamespaceNetwork
  | BridgeNetwork
  /** A card that leads nowhere: what is made of it is for pods whose card leads to an interface. */
  | { kind: "card" };

/** Who answers questions for names. What is empty is found out. */
export interface NameServers {
  servers: string[];
  search: string[];
}

/** What a pod was asked to be. */
export interface PodConfig {
  hostname: string;
  memoryMiB: number;
  vcpus: number;
  /** The most that it can grow to. Default: the processors of the host, and 8 at least. */
  maxVcpus?: number;
  network: NetworkConfig;
  /** Default: the namespace's or the host's. */
  dns?: NameServers;
  /** How files are shared with the guest. */
  share: ShareKind;
  /** Whether its VM is restored from a template, and leaves one where there is none. Default: off. */
  template?: "auto" | "use" | "off";
  /** How many VMs wait for pods like it, and how long each at most. Default: none. */
  spares?: { count: number; seconds: number };
  /** Kernel to boot in place of the host's own. */
  kernel: string | null;
  /** A guest to boot with that kernel in place of the built-in one; at least one of the two. */
  guest?: { initrd: string | null; image: string | null };
  /** Sockets of the guest's ports, where they are not in the pod's directory; `{pod}` stands for the pod's name. */
  sockets?: Partial<SocketPaths>;
  /** The programs that it is made of. Default: podvisor's own, and QEMU. */
  kinds?: PodKinds;
}

/** A pod as it stands on disk (`pod.json`). */
export interface PodRecord {
  version: 1;
  id: string;
  /** When it was made: RFC 3339, UTC. */
  created: string;
  state: LifeState;
  /** Why it stopped, when nobody asked it to. */
  reason: string | null;
  /** The command that the pod is to end with; null for a pod that lives until it is removed. */
  owner: ProcessIdentity | null;
  config: PodConfig;
  vm: VmRecord | null;
  proxy: ProxyRecord | null;
}

/** The VM of a pod. */
export interface VmRecord {
  process: ProcessIdentity;
  accelerator: "kvm" | "tcg";
  /** The process that serves the share, when the VM does not itself. */
  shareDaemon: ProcessIdentity | null;
  /** Key of the template that it was restored from, if it was. */
  template?: string;
}

/** The proxy of a pod; without a process when somebody else runs it. */
export interface ProxyRecord {
  process: ProcessIdentity | null;
  url: string;
  /** Whether it can serve the shims of containers in the background itself. */
  hostsShims?: boolean;
}

/** A host directory or file that a container sees. */
export interface VolumeConfig {
  source: string;
  destination: string;
  readOnly: boolean;
  /** `rslave`: what the host mounts below it later is seen too. Default: `rprivate`. */
  propagation?: "rprivate" | "rslave";
  /** Whether what is mounted below a directory is seen, too. Default: it is. */
  recursive?: boolean;
  /** The directory is the uppermost read-only one of an overlay. */
  overlay?: OverlayLayers;
}

/** What an overlay is made of beside its uppermost read-only directory. */
export interface OverlayLayers {
  /** Read-only directories below, in order. */
  below: string[];
  /** Directory for the changes, and an empty one beside it that the kernel works in. */
  changes: { upper: string; work: string } | null;
}

/** An image file or block device of the host that a container has as a block device. */
export interface DeviceConfig {
  source: string;
  /** Path in the container. */
  destination: string;
  readOnly: boolean;
}

/**
 * Where a container's root file system comes from: a host directory that the container writes to, one that stays as it
 * is under a layer of the container's own, or an image file or block device with a file system.
 */
export type RootConfig =
  | { kind: "directory"; path: string }
  | { kind: "overlay"; lower: string }
  | { kind: "device"; path: string; fstype: string };

/** What a container was asked to be. */
export interface ContainerConfig extends ContainerLimits {
  root: RootConfig;
  /** In the background its stdin stays open for those who attach; otherwise it is at its end. */
  interactive: boolean;
  readOnlyRoot: boolean;
  command: Command;
  volumes: VolumeConfig[];
  devices: DeviceConfig[];
  blockDriver: BlockDriver;
  memoryMounts: MemoryMount[];
  /** Bytes; 0: the guest's default. */
  shmSize: number;
  /** What its engine has decided; its mounts name {@linkcode ContainerConfig.volumes} by their index. */
  details?: ContainerDetails;
}

/** How a container ended. */
export interface ContainerExit {
  code: number;
  /** RFC 3339, UTC. */
  finished: string;
  /** With an error, after the guest had killed in it for lack of memory. */
  outOfMemory?: boolean;
}

/** Who has a container's streams: a process of its own, or the pod's proxy. */
export type ShimRecord = ProcessIdentity | HostedShim;

/** A shim that a pod's proxy serves. */
export interface HostedShim {
  /** The proxy. */
  host: ProcessIdentity;
  /** A pipe that it holds open as long as it serves the container (`openLifePipe`). */
  life: string;
}

/** A container as it stands on disk (`containers/<id>/container.json`). */
export interface ContainerRecord {
  version: 1;
  id: string;
  pod: string;
  created: string;
  state: LifeState;
  reason: string | null;
  config: ContainerConfig;
  /** What opens its streams at the proxy; null when it has none prepared. */
  token: string | null;
  /** Its guest has made it already, and holds its program back until it is started. */
  held?: boolean;
  shim: ShimRecord | null;
  /** What is plugged into the VM for it, or is just being: its root first, if that is a device. */
  disks: DiskOptions[];
  /** How it ended. */
  exit: ContainerExit | null;
}

/** Whether a container has a process in the guest. */
export function hasProcess({ state, held }: ContainerRecord): boolean {
  return state === "running" || state === "ready" && held === true;
}

/** The record of a container that has just been made. */
export function newContainer(id: string, pod: string, config: ContainerConfig): ContainerRecord {
  return {
    version: 1,
    id,
    pod,
    created: new Date().toISOString(),
    state: "ready",
    reason: null,
    config,
    token: null,
    shim: null,
    held: false,
    disks: [],
    exit: null,
  };
}
