import { join } from "@std/path";
import {
  collectChild,
  openIdentified,
  type ProcessIdentity,
  signalIdentified,
  SIGNALS,
  waitForEnd,
} from "../../sys/mod.ts";
import { Failure } from "../../failure.ts";
import type { AcceleratorKind } from "../accelerator.ts";
import {
  type DiskOptions,
  type DiskPlace,
  type RunningVm,
  USER_CARD,
  type Vm,
  type VmCard,
  type VmEnd,
  type VmResources,
} from "../hypervisor.ts";
import { type MockHardware, readHardware, writeHardware } from "./hardware.ts";

/** How long the kernel may take to bury a killed process, in milliseconds. */
const BURIAL_TIME = 5000;
const MAX_VCPUS = 240;

/** A VM without a machine. */
export class MockVm implements Vm {
  readonly process: ProcessIdentity;
  readonly accelerator: AcceleratorKind;
  readonly shareDaemon = null;
  readonly #directory: string;
  #ended: Promise<VmEnd> | undefined;

  constructor({ process, accelerator, directory }: RunningVm) {
    this.process = process;
    this.accelerator = accelerator;
    this.#directory = directory;
  }

  get consolePath(): string {
    return join(this.#directory, "console.log");
  }

  get ended(): Promise<VmEnd> {
    return this.#ended ??= this.#watch();
  }

  pause(): Promise<void> {
    signalIdentified(this.process, SIGNALS.STOP!);
    return Promise.resolve();
  }

  resume(): Promise<void> {
    signalIdentified(this.process, SIGNALS.CONT!);
    return Promise.resolve();
  }

  save(): Promise<void> {
    return Promise.reject(new Failure("Cannot save the VM: it has no machine"));
  }

  resources(): Promise<VmResources> {
    const { vcpus, memoryMiB } = readHardware(this.#directory);
    return Promise.resolve({ vcpus, maxVcpus: MAX_VCPUS, memoryMiB });
  }

  addVcpus(count: number): Promise<void> {
    return this.#change(({ vcpus }) => ({ vcpus: vcpus + count }));
  }

  addMemory(mebibytes: number): Promise<void> {
    return this.#change(({ memoryMiB }) => ({ memoryMiB: memoryMiB + mebibytes }));
  }

  addBlockDevice(disk: DiskOptions): Promise<void> {
    return this.#change(({ disks }) => ({ disks: [...disks, { ...disk }] }));
  }

  removeBlockDevice({ driver, index }: DiskPlace): Promise<void> {
    return this.#change(({ disks }) => ({
      disks: disks.filter((disk) => disk.driver !== driver || disk.index !== index),
    }));
  }

  addNetworkCard({ id }: Pick<VmCard, "id">): Promise<void> {
    return this.#change(({ cards }) => ({ cards: [...cards, id] }));
  }

  addUserNetwork(): Promise<void> {
    return this.addNetworkCard({ id: USER_CARD });
  }

  removeNetworkCard(id: string): Promise<void> {
    return this.#change(({ cards }) => ({ cards: cards.filter((each) => each !== id) }));
  }

  async stop(): Promise<void> {
    await this.kill();
  }

  async kill(): Promise<void> {
    using process = openIdentified(this.process);
    if (!process) return;
    signalIdentified(this.process, SIGNALS.KILL!);
    await waitForEnd(process, BURIAL_TIME);
    if (!this.#ended) collectChild(this.process.pid);
  }

  #change(change: (hardware: MockHardware) => Partial<MockHardware>): Promise<void> {
    const hardware = readHardware(this.#directory);
    writeHardware(this.#directory, { ...hardware, ...change(hardware) });
    return Promise.resolve();
  }

  async #watch(): Promise<VmEnd> {
    using process = openIdentified(this.process);
    if (process) await waitForEnd(process);
    collectChild(this.process.pid);
    return { reason: "the mock VM's process ended", console: [] };
  }
}
