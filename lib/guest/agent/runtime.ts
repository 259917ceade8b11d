import type {
  CgroupCounters,
  Complete,
  GuestInterface,
  GuestRoute,
  NewContainer,
  OnlineResources,
  Process,
  ProcessFiles,
  StartPod,
} from "../../hyperstart/mod.ts";

/** Messages as the parsers return them. */
export type PodSpec = Complete<StartPod>;
export type ContainerSpec = Complete<NewContainer>;
export type ProcessSpec = Complete<Process>;
export type InterfaceSpec = Complete<GuestInterface>;
export type ResourceTotals = Complete<OnlineResources>;
export type RouteSpec = Complete<GuestRoute>;

/** Where stream frames go. */
export interface FrameSink {
  /** Sends a frame; the bytes may be reused as soon as this returns. */
  send(frame: Uint8Array): void;
  /** Whether more output should be produced now; false while too much of it waits for the host. */
  readonly hasRoom: boolean;
  /** Calls back once, when there is room again. */
  whenRoom(callback: () => void): void;
}

/** A process in a container, seen through its streams. */
export interface GuestProcess {
  /** Adds to its standard input. Never blocks and never drops while the process can still read. */
  write(bytes: Uint8Array): void;
  /** Ends its standard input once what was written has been taken. Does nothing to a terminal. */
  endInput(): void;
  /** Whether more input waits for the process than should be held. */
  readonly inputFull: boolean;
  /** Resolves when {@linkcode GuestProcess.inputFull} has become false. */
  inputRoom(): Promise<void>;
  /** Lets it send further bytes of output on one of its sequences. */
  grant(sequence: number, bytes: number): void;
  resize(rows: number, columns: number): void;
  signal(signal: number): void;
  /** Whether it has ended, its output has been sent and its status after it. */
  readonly finished: boolean;
  /** Calls back when it has finished, before the host can know: what it held is then free for the next. */
  whenFinished(callback: () => void): void;
  /** Gives up on output that the host does not take. */
  discard(): void;
}

/** A container whose init process has been started, or waits to be released. */
export interface GuestContainer {
  readonly init: GuestProcess;
  /** What of it was asked for and is not there: for the host to tell. */
  readonly warnings: readonly string[];
  /**
   * Lets its first process execute its program. Where hooks come first, resolves when that has been done.
   *
   * @returns otherwise: what lets it go on, to be called once the host has its answer. A program that cannot be executed
   * then ends the process with 126 or 127, and its stderr says why
   * @throws when a hook or what follows it fails, and the process has ended then; when it runs or has ended already
   */
  release(): Promise<(() => void) | undefined>;
  /** Starts a further process. @throws when it cannot be started; nothing is left then */
  exec(process: ProcessSpec): GuestProcess;
  /** Signals every process in it. */
  signalAll(signal: number): void;
  /** Process ids as the guest has them, ascending. */
  pids(): number[];
  /** Sets its limits on resources anew. @throws naming one that cannot be set */
  limit(constraints: ContainerSpec["constraints"]): void;
  /** Makes its processes stand still, or lets them go on. @throws when it has no cgroup */
  freeze(frozen: boolean): Promise<void>;
  /** What it has used. @throws when it has no cgroup */
  counters(): CgroupCounters;
  /** Frees what it held. Its processes have ended. */
  remove(): Promise<void>;
}

/** What the protocol acts on: the guest's kernel, or a double of it in tests. */
export interface Runtime {
  /** @throws when the pod cannot be started; nothing is left then */
  startPod(pod: PodSpec): Promise<void>;
  /** Undoes {@linkcode Runtime.startPod}, when all containers have been removed. */
  stopPod(): Promise<void>;
  /** @throws when the container cannot be started; nothing is left then */
  startContainer(container: ContainerSpec): Promise<GuestContainer>;
  setInterface(wanted: InterfaceSpec): Promise<void>;
  setRoutes(routes: readonly RouteSpec[]): Promise<void>;
  /** @throws when there is no such route */
  deleteRoutes(routes: readonly RouteSpec[]): Promise<void>;
  /** Sets the clock forward, or back. @param offset microseconds */
  moveClock(offset: number): void;
  /** Puts added processors and memory to use. @throws when what was added does not appear */
  onlineResources(added: ResourceTotals): Promise<void>;
  /** The output of ps with these arguments, for these processes. */
  processTable(pids: readonly number[], args: readonly string[]): string;
  /** What the kernel tells of these processes. */
  processFiles(pids: readonly number[]): ProcessFiles;
}

/** A refusal whose text goes to the host as it is. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}
