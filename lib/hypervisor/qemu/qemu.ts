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
import { describeEnd, QemuVm } from "./qemu_vm.ts";
import { vmFiles } from "./vm_files.ts";

/** How long QEMU may take to make its sockets, in milliseconds. */
const START_TIME = 10_000;

/** What to start VMs with. */
export interface QemuSettings {
  /** What they boot from. */
  boot: BootImage;
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
    const binary = this.#settings.binary ?? findQemu();
    const accelerator = (this.#settings.accelerator ?? detectAccelerator()).kind;
    const files = vmFiles(launch.directory);
    const args = qemuArguments({
      arch: Deno.build.arch,
      accelerator,
      boot: this.#settings.boot,
      files,
      pod: launch,
      keepOwners: Deno.uid() === 0,
    });
    const pid = startProcess([binary, ...args], launch, files.log);
    const process = identifyProcess(pid);
    const connection = process &&
      await connectSoon(files.monitor, () => isAlive(process), START_TIME);
    if (!connection) throw await startFailure(process, pid, files.log);
    connection.close();
    return this.attach({ process, accelerator, directory: launch.directory });
  }

  attach(running: RunningVm): Vm {
    return new QemuVm(running);
  }
}

function startProcess(command: string[], launch: VmLaunch, log: string): number {
  using output = open(log, O_WRONLY | O_CREAT | O_APPEND, 0o600);
  try {
    return spawn({
      command,
      env: { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" },
      descriptors: [null, output.number, output.number],
      detached: true,
      dieWithParent: launch.dieWithParent,
      ownMounts: launch.share.path,
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
