import type { Fd, ProcessIdentity } from "../sys/mod.ts";
import type { AcceleratorKind } from "./accelerator.ts";
import type { BlockDriver } from "./drive_names.ts";

/** Which program runs a VM. */
export type HypervisorKind = "qemu" | "mock";

/** How a host directory is shown to a guest. */
export type ShareKind = "9p" | "virtiofs";

/** A network card whose frames go through a tap or macvtap device. */
export interface VmCard {
  /** Tells it from the VM's other cards: letters, digits, `.`, `-`, `_`. */
  id: string;
  /** A descriptor of the device for each queue; each frame has a struct virtio_net_hdr in front. */
  queues: readonly number[];
  /** As many of /dev/vhost-net, or none. */
  vhost: readonly number[];
  mac: string;
  /** Bytes, for the device to tell its guest; null: it says nothing, and the guest may choose. */
  mtu: number | null;
}

/** A network card without a tap. It is there from the VM's start to its end. */
export type PassedCard =
  /** A card of the host, by its PCI address. `vfio-pci` has it. */
  | { kind: "physical"; id: string; address: string }
  /** The other end is a switch that works in the VM's memory (vhost-user) and listens on a socket. */
  | { kind: "vhost-user"; id: string; socket: string; mac: string };

/** A port of the host that leads to one of the guest. */
export interface ForwardedPort {
  protocol: "tcp" | "udp";
  /** IPv4 address of the host to listen on; 0.0.0.0 for all. */
  address: string;
  port: number;
  guestPort: number;
}

/** A network card behind a gateway and a name server that the hypervisor plays. */
export interface UserNetwork {
  ports: readonly ForwardedPort[];
}

/**
 * Hardware address of the card in a template: nobody's, and never on any wire. The card is up, and nothing is sent from
 * it until the guest has given it another one.
 */
export const TEMPLATE_MAC = "02:70:6f:64:76:69";

/** The `id` of the card of a {@linkcode UserNetwork}. */
export const USER_CARD = "user";

/** How a VM is joined to networks. */
export interface VmNetwork {
  user: UserNetwork | null;
  cards: readonly VmCard[];
  /** Default: none. */
  passed?: readonly PassedCard[];
  /** Network namespace that the hypervisor runs in; null for this process's own. */
  namespace: Fd | null;
}

/** A guest that is booted in place of the built-in one. */
export interface GuestBoot {
  foreign: true;
  kernel: string;
  initrd: string | null;
  /** Disk image, raw; the guest's writes to it are dropped. */
  image: string | null;
}

/** A serial port of a VM that a program on the host talks to. */
export interface VmPort {
  /** Names of the device and of its backend, unique in the VM. */
  deviceId: string;
  backendId: string;
  /** Socket that is made for it. */
  hostPath: string;
  /** Name in the guest. */
  name: string;
}

/** A directory that a guest can mount by its tag. */
export interface VmShare {
  path: string;
  tag: string;
  kind: ShareKind;
}

/** What a VM starts from when it does not just boot. */
export type VmOrigin =
  /** A template, if there is one for such a VM. */
  | {
    kind: "template";
    /**
     * Gives a VM that has been restored from the template of that key and whose guest waits for its host; its files are
     * in the launch's directory then. A first card that is in its template is there already, with another tap than the
     * launch's. Nothing when there is none.
     */
    takeSpare?: (key: string) => Promise<Omit<RunningVm, "directory"> | undefined>;
  }
  /** A boot, with its memory in this new file: to become a template. */
  | { kind: "new-template"; ram: string };

/** What is told of a template. */
export interface TemplateDetails {
  /** Hash of all that shaped it: a VM of the same shape can be restored from it. */
  key: string;
  memoryMiB: number;
  vcpus: number;
  /** `card`: one that leads to a tap. */
  network: "none" | "user" | "card";
  accelerator: AcceleratorKind;
  /** The hypervisor's program. */
  binary: string;
  /** What it booted. */
  kernel: string;
}

/** What a VM has to do with the template of its shape. */
export interface VmTemplate {
  details: TemplateDetails;
  /**
   * For a VM that is restored from it, and may then have less than was asked for, to be plugged in: resolves when it
   * runs, rejects when it cannot. null: the VM boots.
   */
  restored: Promise<void> | null;
  /** Removes the template: it does no good. */
  drop(): Promise<void>;
}

/** What one pod's VM is to be. */
export interface VmLaunch {
  /** Default: `qemu`. */
  kind?: HypervisorKind;
  /** Kernel for the built-in guest. Default: the host's own. */
  kernel?: string;
  /** Default: the built-in guest. */
  boot?: GuestBoot;
  /** The hypervisor's program. Default: the one that is found. */
  binary?: string;
  /** Name that the process list shows. */
  name: string;
  /** Directory for monitor, console and pidfile. */
  directory: string;
  memoryMiB: number;
  vcpus: number;
  /** The most processors that it can grow to. Default: those of the host, and 8 at least. */
  maxVcpus?: number | undefined;
  /** Default: no network. */
  network?: VmNetwork;
  ports: readonly VmPort[];
  /** null: nothing is shared. */
  share: VmShare | null;
  /** Directory below which the VM has mounts of its own, in a mount namespace in which it is read-only. */
  mounts: string;
  /** The VM is killed when this process ends, however it ends. */
  dieWithParent: boolean;
  /** Default: it boots. */
  origin?: VmOrigin;
  /** Somebody looks at the console: the VM boots, whatever its origin, and its kernel tells what it does. */
  consoleWatched?: boolean;
}

/** How a VM ended. */
export interface VmEnd {
  /** In words, such as "QEMU was killed by SIGKILL". */
  reason: string;
  /** The last lines of its console, printable. */
  console: string[];
}

/** What a VM has, and the most that it could have. */
export interface VmResources {
  vcpus: number;
  maxVcpus: number;
  memoryMiB: number;
}

/** Where a disk is plugged in. */
export interface DiskPlace {
  driver: BlockDriver;
  /** Tells the disks of one driver apart; by the formulae for it the guest finds the disk. */
  index: number;
}

/** A disk to be plugged into a VM. */
export interface DiskOptions extends DiskPlace {
  /** Image file, raw, or block device of the host. */
  path: string;
  readOnly: boolean;
}

/** A VM that was started, by this process or by another one. */
export interface Vm {
  readonly process: ProcessIdentity;
  readonly accelerator: AcceleratorKind;
  /** The process that serves the share, when it is not the VM itself. The VM is in its mount namespace. */
  readonly shareDaemon: ProcessIdentity | null;
  /** Its shape's template, for one that this process has started and that can have one. */
  readonly template?: VmTemplate;
  /** File that the guest's console is written to. */
  readonly consolePath: string;
  /** Resolves as soon as the VM's process is gone, whoever ended it. */
  readonly ended: Promise<VmEnd>;
  /** Stops the processors. */
  pause(): Promise<void>;
  /** Lets them go on. */
  resume(): Promise<void>;
  /** What it has and could have. */
  resources(): Promise<VmResources>;
  /**
   * Adds processors, which the guest has to bring online.
   *
   * @throws {Failure} when the VM cannot have so many
   */
  addVcpus(count: number): Promise<void>;
  /**
   * Adds memory, which the guest has to bring online.
   *
   * @param mebibytes a multiple of 128
   * @throws {Failure} when the VM cannot have so much
   */
  addMemory(mebibytes: number): Promise<void>;
  /** Plugs a disk in. @throws {Failure} saying why not; nothing of it is left then */
  addBlockDevice(disk: DiskOptions): Promise<void>;
  /** Takes a disk away; one that is not there is fine. @throws {Failure} when the guest does not let go of it */
  removeBlockDevice(place: DiskPlace): Promise<void>;
  /**
   * Plugs a network card in; the caller may close the descriptors then.
   *
   * @throws {Failure} saying why not; nothing of it is left then
   */
  addNetworkCard(card: VmCard): Promise<void>;
  /** Plugs in the card of a network that the hypervisor plays: one for each VM. @throws {Failure} as for any card */
  addUserNetwork(network: UserNetwork): Promise<void>;
  /**
   * Takes a network card away, its tap with it; one that is not there is fine.
   *
   * @param id `VmCard.id`, or {@linkcode USER_CARD}
   * @throws {Failure} when the guest does not let go of it
   */
  removeNetworkCard(id: string): Promise<void>;
  /**
   * Saves all but its memory, which is in a file already, for VMs to be restored from. It stands still afterwards, and is
   * only to be ended.
   *
   * @param path file to be made
   * @throws {Failure} with the hypervisor's reason
   */
  save(path: string): Promise<void>;
  /**
   * Ends the VM: waits for a guest that is already shutting down, then asks the hypervisor to quit, then kills it.
   *
   * @param grace how long the guest may take, in milliseconds. Default 0.
   */
  stop(grace?: number): Promise<void>;
  /** Ends the VM at once. */
  kill(): Promise<void>;
}

/** A program that runs VMs. */
export interface Hypervisor {
  /**
   * Starts a VM. It boots on when this resolves: its sockets take connections.
   *
   * @throws {Failure} saying why it did not start
   */
  launch(launch: VmLaunch): Promise<Vm>;
  /** Takes hold of a VM that another process has started with the same directory. */
  attach(running: RunningVm): Vm;
}

/** What must be known of a VM to take hold of it. */
export interface RunningVm {
  /** Default: `qemu`. */
  kind?: HypervisorKind;
  process: ProcessIdentity;
  accelerator: AcceleratorKind;
  /** Absent: the VM serves its share itself. */
  shareDaemon?: ProcessIdentity | null;
  directory: string;
}
