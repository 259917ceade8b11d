import type { ProcessIdentity } from "../sys/mod.ts";
import type { AcceleratorKind } from "./accelerator.ts";

/** What one pod's VM is to be. */
export interface VmLaunch {
  /** Name that the process list shows. */
  name: string;
  /** Directory for sockets, console and pidfile. */
  directory: string;
  memoryMiB: number;
  vcpus: number;
  /** A network card behind a gateway and a name server that the hypervisor plays. */
  userNetwork: boolean;
  /** Directory that the guest can mount by its tag. The VM sees it in a mount namespace of its own, read-only. */
  share: { path: string; tag: string };
  /** The VM is killed when this process ends, however it ends. */
  dieWithParent: boolean;
}

/** How a VM ended. */
export interface VmEnd {
  /** In words, such as "QEMU was killed by SIGKILL". */
  reason: string;
  /** The last lines of its console, printable. */
  console: string[];
}

/** Sockets of a VM, by what speaks there. */
export interface VmSockets {
  /** The guest's control channel, `sh.hyper.channel.0`. */
  control: string;
  /** The guest's stream channel, `sh.hyper.channel.1`. */
  stream: string;
}

/** A VM that was started, by this process or by another one. */
export interface Vm {
  readonly process: ProcessIdentity;
  readonly accelerator: AcceleratorKind;
  readonly sockets: VmSockets;
  /** File that the guest's console is written to. */
  readonly consolePath: string;
  /** Resolves as soon as the VM's process is gone, whoever ended it. */
  readonly ended: Promise<VmEnd>;
  /** Stops the processors. */
  pause(): Promise<void>;
  /** Lets them go on. */
  resume(): Promise<void>;
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
  process: ProcessIdentity;
  accelerator: AcceleratorKind;
  directory: string;
}
