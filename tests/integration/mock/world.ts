import { join } from "@std/path";
import { assertEquals } from "@std/assert";
import { HyperstartAgent, type ProcessStreams } from "../../../lib/agent/mod.ts";
import { Code } from "../../../lib/hyperstart/mod.ts";
import {
  type Hypervisor,
  MockHypervisor,
  type RunningVm,
  type Vm,
  type VmLaunch,
} from "../../../lib/hypervisor/mod.ts";
import {
  BUILTIN_KINDS,
  type ContainerConfig,
  type ContainerRecord,
  type PodConfig,
  type PodDirectory,
  type PodRecord,
  PodStore,
  type PodTools,
} from "../../../lib/pod/mod.ts";
import { ProxyClient, ProxyError } from "../../../lib/proxy/mod.ts";
import { identifyProcess, signalProcess, SIGNALS } from "../../../lib/sys/mod.ts";
import { DialectGuest } from "../../unit/agent/dialect_guest.ts";
import { command } from "../../unit/agent/scene.ts";
import { podConfig as plainPod } from "../../unit/pod/pod_config.ts";
import { reply } from "../../unit/proxy/fake_guest.ts";
import { RawClient } from "../../unit/proxy/raw_client.ts";
import { Command } from "../../../lib/proxy/mod.ts";

/** What is thrown at the step that is to fail. */
export class Injected extends Error {}

/**
 * Pods without machines on the real kernel: mounts, processes, proxies and shims are the real ones, the VM is a process
 * that waits, and a scripted guest answers on its sockets. One of the steps that are done can be made to fail.
 */
export class World implements AsyncDisposable {
  readonly root = Deno.makeTempDirSync({ prefix: "pv-", dir: "/tmp" });
  readonly store: PodStore;
  readonly tools: PodTools;
  /** The guest of the VM that was launched last. */
  guest: DialectGuest | undefined;
  /** Names of the steps done since {@linkcode World.failAt}. */
  steps: string[] = [];
  readonly #tokens = new Set<string>();
  readonly #guests: DialectGuest[] = [];
  readonly #reserve = HyperstartAgent.prototype.reserveStreams;
  #failing = Infinity;
  #failingName: string | undefined;
  #interruption: { at: number; act: () => void } | undefined;
  #url = "";

  constructor() {
    this.store = new SteppedStore(join(this.root, "state"), (name) => this.step(name));
    this.tools = { store: this.store, hypervisor: new SteppedHypervisor(this) };
    const { step, tokens, reserve } = this.#forReserving();
    HyperstartAgent.prototype.reserveStreams = async function (): Promise<ProcessStreams> {
      step("reserve streams");
      const streams = await reserve.call(this);
      tokens(streams);
      return streams;
    };
  }

  /** Counts steps anew; the `number`th, from 1, will fail. */
  failAt(number: number): void {
    this.steps = [];
    this.#failing = number;
  }

  /** The first step of this name will fail. */
  failOn(name: string): void {
    this.steps = [];
    this.#failing = Infinity;
    this.#failingName = name;
  }

  /** Counts steps anew, those that undo others too; before the `number`th, from 1, something happens. */
  interruptAt(number: number, act: () => void): void {
    this.steps = [];
    this.#interruption = { at: number, act };
  }

  /** Nothing happens any more. Whether it has. */
  uninterrupted(): boolean {
    const { at } = this.#interruption!;
    this.#interruption = undefined;
    return this.steps.length < at;
  }

  /** No further step fails. Whether one has. */
  settle(): boolean {
    const named = this.#failingName !== undefined && this.steps.includes(this.#failingName);
    const hit = named || this.steps.length >= this.#failing;
    this.#failing = Infinity;
    this.#failingName = undefined;
    return hit;
  }

  /** One step. @throws {Injected} when it is the one to fail */
  step(name: string): void {
    if (this.fails(name)) throw new Injected(`injected at ${name}`);
  }

  /** One step; whether it is the one to fail. */
  fails(name: string): boolean {
    this.steps.push(name);
    if (this.steps.length === this.#interruption?.at) this.#interruption.act();
    if (name === this.#failingName) return this.steps.filter((each) => each === name).length === 1;
    return this.steps.length === this.#failing;
  }

  /** Puts a guest behind the sockets of a VM in `directory`. */
  serveGuest(directory: string): void {
    // As QEMU does with what an earlier one has left.
    for (const name of ["ctl.sock", "tty.sock"]) {
      if (namesIn(directory).includes(name)) Deno.removeSync(join(directory, name));
    }
    const guest = new DialectGuest(directory, "go");
    const { script } = guest.guest;
    guest.guest.script = (asked, at) => {
      // What undoes a step is no step.
      const undoing = asked.code === Code.KILLCONTAINER || asked.code === Code.REMOVECONTAINER;
      if ((!undoing || this.#interruption) && this.fails(`guest command ${asked.code}`)) {
        return [reply(Code.ERROR, "injected")];
      }
      return script(asked, at);
    };
    this.#guests.push(guest);
    this.guest = guest;
  }

  directory(pod: string): PodDirectory {
    return this.store.directory(pod);
  }

  /** Processes that have the state directory on their command lines, by what they are. */
  processes(): string[] {
    return this.#processes().map(({ part }) => part).sort();
  }

  /** Kills every process of one kind, as kill -9 does, and sees that it is gone; with a VM goes its guest. */
  kill(part: "vm" | "proxy" | "shim"): void {
    for (const each of this.#processes()) {
      if (each.part !== part) continue;
      signalProcess(each.pid, SIGNALS.KILL!);
      const moment = new Int32Array(new SharedArrayBuffer(4));
      while (identifyProcess(each.pid)) Atomics.wait(moment, 0, 0, 1);
    }
    if (part !== "vm") return;
    this.guest?.guest.closeControl().catch(() => {});
    this.guest?.guest.closeStreams().catch(() => {});
  }

  #processes(): { pid: number; part: string }[] {
    const found: { pid: number; part: string }[] = [];
    for (const { name } of Deno.readDirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const words = readIfThere(`/proc/${name}/cmdline`).split("\0");
      if (!words.some((word) => word.includes(this.root))) continue;
      const part = words.find((word) => ["proxy", "shim"].includes(word)) ?? "vm";
      found.push({ pid: Number(name), part });
    }
    return found;
  }

  /** What is mounted below the state directory, as a process sees it. */
  mounts(pid: number | "self" = "self"): string[] {
    return readIfThere(`/proc/${pid}/mountinfo`).split("\n")
      .map((line) => line.split(" ")[4] ?? "")
      .filter((path) => path.startsWith(`${this.root}/`))
      .map((path) => path.slice(path.lastIndexOf("/shared") + 1));
  }

  /** Tokens that a shim could still claim, but for one. */
  async claimable(except: string | null): Promise<string[]> {
    const found: string[] = [];
    for (const token of this.#tokens) {
      if (token === except) continue;
      using client = await RawClient.connect(this.#url.replace("unix://", ""));
      const answer = await client.command(Command.connectShim, { token });
      if (answer?.kind === "response 4") found.push(token);
    }
    return found;
  }

  /** Whether a proxy still has a VM registered. */
  async isRegistered(url: string, pod: string): Promise<boolean> {
    try {
      using client = await ProxyClient.connect(url, { timeout: 0 });
      await client.attachVM({ containerId: pod });
      return true;
    } catch (error) {
      if (error instanceof ProxyError) return false;
      throw error;
    }
  }

  /** Fails unless nothing of any pod is there. */
  assertNothingLeft(when: string): void {
    assertEquals(this.processes(), [], `processes left ${when}`);
    assertEquals(this.mounts(), [], `mounts left ${when}`);
    const pods = namesIn(join(this.root, "state", "pods"));
    assertEquals(pods, [], `directories left ${when}`);
  }

  /** What of one container a running pod has: in the share, in the VM's mounts, of disks. */
  tracesOf(pod: PodRecord, id: string): string[] {
    const directory = this.directory(pod.id);
    const shared = [...Deno.readDirSync(directory.share)].map(({ name }) => name);
    const disks = JSON.parse(Deno.readTextFileSync(directory.file("mock.json"))).disks;
    const own = (name: string) => name === id || name.startsWith(`${id}:`);
    return [
      ...shared.filter(own).map((name) => `shared ${name}`),
      ...this.mounts(pod.vm!.process.pid)
        .filter((path) => own(path.split("/")[1] ?? "")).map((path) => `mount ${path}`),
      ...disks.map(({ path }: { path: string }) => path)
        .filter((path: string) => path.endsWith(`/${id}.img`)).map((path: string) =>
          `disk ${path}`
        ),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    HyperstartAgent.prototype.reserveStreams = this.#reserve;
    for (const { guest } of this.#guests) await guest[Symbol.asyncDispose]();
    for (const { name } of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(name) && readIfThere(`/proc/${name}/cmdline`).includes(this.root)) {
        Deno.kill(Number(name), "SIGKILL");
      }
    }
    await Deno.remove(this.root, { recursive: true });
  }

  #forReserving() {
    return {
      step: (name: string) => this.step(name),
      tokens: ({ url, token }: ProcessStreams) => {
        this.#url = url;
        this.#tokens.add(token);
      },
      reserve: this.#reserve,
    };
  }
}

/** A pod without a machine. */
export function podConfig(more: Partial<PodConfig> = {}): PodConfig {
  const kinds = { ...BUILTIN_KINDS, hypervisor: { kind: "mock" as const, path: null } };
  return plainPod({ kinds, ...more });
}

/** A container with a root, a volume and a disk of its own. */
export function containerConfig(world: World, id: string, args: string[]): ContainerConfig {
  const path = join(world.root, "host", id);
  Deno.mkdirSync(join(path, "volume"), { recursive: true });
  const disk = join(world.root, "host", `${id}.img`);
  Deno.writeTextFileSync(disk, "");
  return {
    root: { kind: "directory", path },
    interactive: false,
    readOnlyRoot: false,
    command: command(args),
    volumes: [{ source: join(path, "volume"), destination: "/data", readOnly: true }],
    devices: [{ source: disk, destination: "/dev/disk", readOnly: false }],
    blockDriver: "virtio-scsi",
    memoryMounts: [],
    cpu: { quota: 0, period: 0, shares: 0 },
    memory: 0,
    pids: 0,
    shmSize: 0,
  };
}

class SteppedStore extends PodStore {
  constructor(root: string, readonly step: (name: string) => void) {
    super(root);
  }

  override async add(id: string): Promise<PodDirectory> {
    this.step("make the directory");
    return await super.add(id);
  }

  override async writePod(record: PodRecord): Promise<void> {
    this.step("write the pod's record");
    await super.writePod(record);
  }

  override async writeContainer(record: ContainerRecord): Promise<void> {
    this.step("write the container's record");
    await super.writeContainer(record);
  }
}

class SteppedHypervisor implements Hypervisor {
  readonly #mock = new MockHypervisor();

  constructor(readonly world: World) {}

  async launch(launch: VmLaunch): Promise<Vm> {
    this.world.step("launch the VM");
    const vm = await this.#mock.launch(launch);
    this.world.serveGuest(launch.directory);
    return this.#stepped(vm);
  }

  attach(running: RunningVm): Vm {
    return this.#stepped(this.#mock.attach(running));
  }

  #stepped(vm: Vm): Vm {
    const add = vm.addBlockDevice.bind(vm);
    vm.addBlockDevice = (disk) => {
      this.world.step("plug in a disk");
      return add(disk);
    };
    return vm;
  }
}

function namesIn(path: string): string[] {
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch {
    return [];
  }
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
