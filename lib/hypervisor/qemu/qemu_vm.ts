import { BoundedFile } from "../../bounded_file.ts";
import { getLogger } from "../../log.ts";
import {
  collectChild,
  type ExitStatus,
  killProcess,
  openIdentified,
  type ProcessIdentity,
  signalIdentified,
  signalName,
  SIGNALS,
  UnixConnection,
  waitForEnd,
} from "../../sys/mod.ts";
import type { AcceleratorKind } from "../accelerator.ts";
import { readComplaint, readConsoleTail } from "../console_tail.ts";
import type {
  DiskOptions,
  DiskPlace,
  RunningVm,
  UserNetwork,
  Vm,
  VmCard,
  VmEnd,
  VmResources,
  VmTemplate,
} from "../hypervisor.ts";
import { Deletions } from "./deletions.ts";
import {
  isMemoryShared,
  plugDisk,
  plugMemory,
  plugVcpus,
  readResources,
  unplugDisk,
} from "./hotplug.ts";
import { plugCard, plugUserNetwork, unplugCard } from "./plug_card.ts";
import { QmpClient, type QmpOptions } from "./qmp.ts";
import { saveState } from "./templates/save.ts";
import { type VmFiles, vmFiles } from "./vm_files.ts";

/** How long QEMU may take to end when asked to, and the kernel to bury it when killed, in milliseconds. */
const QUIT_TIME = 1000, BURIAL_TIME = 5000;

/** A VM in a QEMU process. */
export class QemuVm implements Vm {
  readonly process: ProcessIdentity;
  readonly accelerator: AcceleratorKind;
  readonly shareDaemon: ProcessIdentity | null;
  readonly template?: VmTemplate;
  readonly #files: VmFiles;
  #ended: Promise<VmEnd> | undefined;

  constructor(
    { process, accelerator, shareDaemon = null, directory }: RunningVm,
    template?: VmTemplate,
  ) {
    this.process = process;
    this.accelerator = accelerator;
    this.shareDaemon = shareDaemon;
    if (template) this.template = template;
    this.#files = vmFiles(directory);
  }

  get consolePath(): string {
    return this.#files.console;
  }

  get ended(): Promise<VmEnd> {
    return this.#ended ??= this.#watch();
  }

  async pause(): Promise<void> {
    await this.command("stop");
  }

  async resume(): Promise<void> {
    await this.command("cont");
  }

  async resources(): Promise<VmResources> {
    return await this.#monitor(readResources);
  }

  async addVcpus(count: number): Promise<void> {
    await this.#monitor((monitor) => plugVcpus(monitor, count));
  }

  async addMemory(mebibytes: number): Promise<void> {
    await this.#monitor(async (monitor) =>
      await plugMemory(monitor, mebibytes, await isMemoryShared(monitor))
    );
  }

  async addBlockDevice(disk: DiskOptions): Promise<void> {
    await this.#monitor((monitor) => plugDisk(monitor, disk));
  }

  async removeBlockDevice(place: DiskPlace): Promise<void> {
    await this.#unplug((monitor, deleted) => unplugDisk(monitor, place, deleted));
  }

  async addNetworkCard(card: VmCard): Promise<void> {
    await this.#monitor((monitor) => plugCard(monitor, card));
  }

  async addUserNetwork(network: UserNetwork): Promise<void> {
    await this.#monitor((monitor) => plugUserNetwork(monitor, network));
  }

  async removeNetworkCard(id: string): Promise<void> {
    await this.#unplug((monitor, deleted) => unplugCard(monitor, id, deleted));
  }

  async save(path: string): Promise<void> {
    await this.#monitor((monitor) => saveState(monitor, path, this.#files.save));
  }

  /** Runs one command in QEMU's monitor. @throws {QmpError} @throws {QmpProtocolError} */
  async command(name: string, args?: Record<string, unknown>): Promise<unknown> {
    return await this.#monitor((monitor) => monitor.execute(name, args));
  }

  async #unplug(
    unplug: (monitor: QmpClient, deleted: (device: string) => Promise<boolean>) => Promise<void>,
  ): Promise<void> {
    const deletions = new Deletions();
    await this.#monitor(
      (monitor) => unplug(monitor, (device) => deletions.wait(device)),
      { onEvent: (event) => deletions.take(event) },
    );
  }

  async #monitor<T>(
    use: (monitor: QmpClient) => Promise<T>,
    options: QmpOptions = {},
  ): Promise<T> {
    const connection = UnixConnection.connect(this.#files.monitor);
    using monitor = await QmpClient.open(connection, options);
    return await use(monitor);
  }

  async stop(grace = 0): Promise<void> {
    await this.#stop(grace);
    await killProcess(this.shareDaemon);
  }

  async #stop(grace: number): Promise<void> {
    using process = openIdentified(this.process);
    if (!process) return;
    if (grace > 0 && await waitForEnd(process, grace)) return;
    try {
      await this.command("quit");
      if (await waitForEnd(process, QUIT_TIME)) return;
    } catch (error) {
      getLogger("qemu").debug("QEMU does not take the command to quit", { error });
    }
    await this.#kill();
  }

  async kill(): Promise<void> {
    await this.#kill();
    await killProcess(this.shareDaemon);
  }

  async #kill(): Promise<void> {
    using process = openIdentified(this.process);
    if (!process) return;
    signalIdentified(this.process, SIGNALS.KILL!);
    await waitForEnd(process, BURIAL_TIME);
    // Whoever waits for `ended` wants to know how it ended: only without one is the status nobody's.
    if (!this.#ended) collectChild(this.process.pid);
  }

  async #watch(): Promise<VmEnd> {
    using process = openIdentified(this.process);
    // While it boots nobody else may be there to do it.
    using _bounded = new BoundedFile(this.#files.console);
    if (process) await waitForEnd(process);
    return {
      reason: describeEnd(collectChild(this.process.pid), readComplaint(this.#files.log)),
      console: readConsoleTail(this.#files.console),
    };
  }
}

/**
 * Why a QEMU process ended, in words.
 *
 * @param status unknown for a process that is not our child
 * @param complaint its last words on stderr
 */
export function describeEnd(status: ExitStatus | undefined, complaint?: string): string {
  const because = complaint === undefined ? "" : `: ${complaint}`;
  if (!status) return `QEMU is gone${because}`;
  if (status.kind === "signalled") return `QEMU was killed by ${signalName(status.signal)}`;
  if (status.code === 0) return "the guest stopped";
  return `QEMU exited with code ${status.code}${because}`;
}
