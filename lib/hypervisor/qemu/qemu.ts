import { Failure } from "../../failure.ts";
import {
  collectChild,
  identifyProcess,
  isAlive,
  O_APPEND,
  O_CREAT,
  O_WRONLY,
  open,
  type ProcessIdentity,
  spawn,
  SysError,
} from "../../sys/mod.ts";
import { type Accelerator, detectAccelerator } from "../accelerator.ts";
import { readConsoleTail } from "../console_tail.ts";
import type { Hypervisor, RunningVm, Vm, VmLaunch } from "../hypervisor.ts";
import { type BootImage, qemuArguments } from "./arguments.ts";
import { connectSoon } from "./connect.ts";
import { findQemu } from "./find_qemu.ts";
import { networkDescriptors } from "./network_cards.ts";
import { describeEnd, killProcess, QemuVm } from "./qemu_vm.ts";
import { startVirtiofsd } from "./virtiofsd.ts";
import { vmFiles } from "./vm_files.ts";

/** How long QEMU may take to make its sockets, in milliseconds. */
const START_TIME = 10_000;
/** Processors that a VM can grow to at least, whatever the host has, and the most that it can be started with. */
const LEAST_MAX_VCPUS = 8, MAX_VCPUS = 240;

/** What to start VMs with. */
export interface QemuSettings {
  /** What they boot from. */
  boot: BootImage | ((kernel: string | undefined) => Promise<BootImage>);
  /** QEMU's program. Default: the one on PATH for this architecture, or `PODVISOR_QEMU`. */
  binary?: string;
  /** Default: the best one that works here. */
  accelerator?: Accelerator;
}

/** Runs each VM in a QEMU process of its own, which goes on when this program ends, unless it is to die with it. */
export class Qemu implements Hypervisor {
  readonly #settings: QemuSettings;

  constructor(settings: QemuSettings) {
    this.#settings = settings;
  }

  async launch(launch: VmLaunch): Promise<Vm> {
    const binary = launch.binary ?? this.#settings.binary ?? findQemu();
    const accelerator = (this.#settings.accelerator ?? detectAccelerator()).kind;
    const files = vmFiles(launch.directory);
    const { memoryMiB, vcpus } = launch;
    const args = qemuArguments({
      arch: Deno.build.arch,
      accelerator,
      boot: launch.boot ?? await this.#builtinGuest(launch.kernel),
      files,
      pod: {
        ...launch,
        maxMemoryMiB: maxMemory(memoryMiB),
        maxVcpus: Math.min(
          Math.max(vcpus, navigator.hardwareConcurrency, LEAST_MAX_VCPUS),
          MAX_VCPUS,
        ),
      },
      keepOwners: Deno.uid() === 0,
    });
    await using undo = new AsyncDisposableStack();
    const { share } = launch;
    const shareDaemon = share?.kind === "virtiofs" ? startVirtiofsd(launch, share, files) : null;
    undo.defer(() => killProcess(shareDaemon));
    const pid = startProcess([binary, ...args], launch, files.log, shareDaemon);
    const process = identifyProcess(pid);
    const connection = process &&
      await connectSoon(files.monitor, () => isAlive(process), START_TIME);
    if (!connection) throw await startFailure(process, pid, files.log);
    connection.close();
    undo.move();
    return this.attach({ process, accelerator, shareDaemon, directory: launch.directory });
  }

  attach(running: RunningVm): Vm {
    return new QemuVm(running);
  }

  async #builtinGuest(kernel: string | undefined): Promise<BootImage> {
    const { boot } = this.#settings;
    return typeof boot === "function" ? await boot(kernel) : boot;
  }
}

/** The host's memory and a GiB, as virtcontainers has it; enough for whoever asks for more from the start. */
function maxMemory(memoryMiB: number): number {
  const host = Math.floor(Deno.systemMemoryInfo().total / 2 ** 20);
  const block = 128;
  return Math.ceil((Math.max(host, memoryMiB) + 1024) / block) * block;
}

/** In the mount namespace of the share's daemon, or in one of its own. */
function startProcess(
  command: string[],
  launch: VmLaunch,
  log: string,
  shareDaemon: ProcessIdentity | null,
): number {
  using output = open(log, O_WRONLY | O_CREAT | O_APPEND, 0o600);
  try {
    return spawn({
      command,
      env: { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" },
      descriptors: [
        null,
        output.number,
        output.number,
        ...launch.network ? networkDescriptors(launch.network) : [],
      ],
      ...launch.network?.namespace ? { networkNamespace: launch.network.namespace } : {},
      detached: true,
      dieWithParent: launch.dieWithParent,
      ...(shareDaemon ? { mountsOf: shareDaemon.pid } : { ownMounts: launch.mounts }),
    });
  } catch (error) {
    if (!(error instanceof SysError) || error.call !== "execve") throw error;
    throw new Failure(`Cannot start QEMU: ${error.message}`, { cause: error });
  }
}

async function startFailure(
  process: ProcessIdentity | undefined,
  pid: number,
  log: string,
): Promise<Failure> {
  if (process && isAlive(process)) {
    await new QemuVm({ process, accelerator: "tcg", directory: "" }).kill();
    return new Failure(`Cannot start the VM: QEMU did not come up within ${START_TIME} ms`);
  }
  const complaint = readConsoleTail(log).at(-1);
  return new Failure(`Cannot start the VM: ${describeEnd(collectChild(pid), complaint)}`);
}
