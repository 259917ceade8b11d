import { Failure } from "../../failure.ts";
import {
  collectChild,
  type Fd,
  identifyProcess,
  isAlive,
  killProcess,
  O_APPEND,
  O_CREAT,
  O_WRONLY,
  open,
  type ProcessIdentity,
  spawn,
  SysError,
} from "../../sys/mod.ts";
import { trace } from "../../trace.ts";
import { readComplaint } from "../console_tail.ts";
import type { RunningVm, VmLaunch } from "../hypervisor.ts";
import { qemuArguments, type QemuOptions } from "./arguments.ts";
import { connectSoon } from "./connect.ts";
import { networkDescriptors } from "./network_cards.ts";
import { describeEnd, QemuVm } from "./qemu_vm.ts";
import { startVirtiofsd } from "./virtiofsd.ts";

/** How long QEMU may take to make its sockets, in milliseconds. */
const START_TIME = 10_000;
/** The first descriptor after stdin, stdout and stderr. */
const FIRST_DESCRIPTOR = 3;

/** What a QEMU process is started with. */
export interface QemuStart {
  binary: string;
  options: QemuOptions;
  launch: VmLaunch;
  /** What the VM is restored from: QEMU gets the two descriptors from {@linkcode firstDescriptor} on. */
  from?: { ram: Fd; state: Fd };
}

/** A QEMU process that takes connections. */
export interface StartedQemu {
  running: RunningVm;
  /** A connection to its monitor, on which nothing has been said. */
  monitor: Deno.Conn;
}

/** Number of the first descriptor behind those of a VM's network. */
export function firstDescriptor({ network }: VmLaunch): number {
  return FIRST_DESCRIPTOR + (network ? networkDescriptors(network).length : 0);
}

/**
 * Starts QEMU, and what it needs. Its sockets take connections when this resolves.
 *
 * @throws {Failure} saying why it did not start; nothing is left then
 */
export async function startQemu(start: QemuStart): Promise<StartedQemu> {
  const { launch, options } = start;
  const { files, accelerator } = options;
  await using undo = new AsyncDisposableStack();
  const { share } = launch;
  const shareDaemon = share?.kind === "virtiofs" ? startVirtiofsd(launch, share, files) : null;
  undo.defer(() => killProcess(shareDaemon));
  const pid = startProcess(start, shareDaemon);
  using _span = trace("up to its monitor", "QEMU");
  const process = identifyProcess(pid);
  const connection = process &&
    await connectSoon(files.monitor, () => isAlive(process), START_TIME);
  if (!connection) throw await startFailure(process, pid, files.log);
  undo.move();
  const running = { process, accelerator, shareDaemon, directory: launch.directory };
  return { running, monitor: connection };
}

/** In the mount namespace of the share's daemon, or in one of its own. */
function startProcess(
  { binary, options, launch, from }: QemuStart,
  shareDaemon: ProcessIdentity | null,
): number {
  using _span = trace("start QEMU");
  using output = open(options.files.log, O_WRONLY | O_CREAT | O_APPEND, 0o600);
  try {
    return spawn({
      command: [binary, ...qemuArguments(options)],
      env: { PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin" },
      descriptors: [
        null,
        output.number,
        output.number,
        ...launch.network ? networkDescriptors(launch.network) : [],
        ...from ? [from.ram.number, from.state.number] : [],
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
  const end = describeEnd(collectChild(pid), readComplaint(log));
  return new Failure(`Cannot start the VM: ${end}`);
}
