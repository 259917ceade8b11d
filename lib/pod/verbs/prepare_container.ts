import { join } from "@std/path";
import { Failure } from "../../failure.ts";
import { startShim } from "../../shim/mod.ts";
import { identifyProcess } from "../../sys/mod.ts";
import { planDisks, plugDisks, unplugDisks } from "../disks.ts";
import { endProcess } from "../end_process.ts";
import { clearExit, exitFile } from "../exit_file.ts";
import { kindsOf } from "../kinds.ts";
import type { LoadedPod } from "../load_pod.ts";
import { POD_LOGS } from "../pod_logs.ts";
import type { ContainerRecord } from "../records.ts";
import { shareContainer, unshareContainer } from "../share.ts";
import { Undo } from "../undo.ts";
import { agentOf, type PodTools, vmOf } from "../tools.ts";

/** The file that keeps what a detached container prints. */
export function logFile({ directory }: LoadedPod, container: string): string {
  return join(directory.container(container), "log");
}

/** The socket on which a detached container's shim takes those who attach. */
export function attachSocket({ directory }: LoadedPod, container: string): string {
  return join(directory.container(container), "attach.sock");
}

/** What the shim of a container is to be connected to. */
export interface ShimPlace {
  container: string;
  url: string;
  token: string;
  /** File for its exit status; none for a further process. */
  exit?: string;
  /** The pod, of a container's first process. */
  pod?: string;
  /** File for what it has to tell itself. */
  diagnostics: string;
}

/** Starts the shim of a container, and returns its pid. */
export type ShimStarter = (place: ShimPlace) => number;

/**
 * Gives a container all that its start needs: its files in the share, its streams at the proxy, its shim. It is `ready`
 * then.
 *
 * @param starter of its shim; default: one in the background, with a log
 * @throws {Failure} naming what failed; nothing of it is left then
 */
export async function prepareContainer(
  tools: PodTools,
  loaded: LoadedPod,
  container: ContainerRecord,
  starter?: ShimStarter,
): Promise<ContainerRecord> {
  const { pod, directory } = loaded;
  const { id, config } = container;
  await using undo = new Undo({ pod: pod.id, container: id });
  const vm = vmOf(tools, pod);
  const { pid: vmPid } = vm.process;
  const agent = agentOf(tools, pod);
  using _connection = { [Symbol.dispose]: () => agent.close() };
  if (
    (config.root.kind === "device" || config.devices.length > 0) &&
    !agent.capabilities().blockDevices
  ) {
    throw new Failure(`Cannot prepare the container ${id}: its pod's agent takes no block devices`);
  }
  await clearExit(directory, id);
  await shareContainer(directory, vmPid, id, config);
  undo.defer("its shares", () => unshareContainer(directory, vmPid, id));
  const disks = planDisks(config, loaded.containers.filter((each) => each.id !== id));
  // Before they are plugged in: what a command that is killed meanwhile leaves in the VM is known.
  if (disks.length > 0) {
    undo.defer("its record", () => tools.store.writeContainer(container));
    await tools.store.writeContainer({ ...container, disks });
  }
  await plugDisks(vm, disks);
  undo.defer("its disks", () => unplugDisks(vm, disks));
  const { url, token } = await agent.reserveStreams();
  undo.defer("its streams", () => agent.releaseStreams(token));
  const { shim: program } = kindsOf(pod.config);
  const place = {
    container: id,
    url,
    token,
    exit: exitFile(directory, id),
    pod: pod.id,
    diagnostics: directory.file(POD_LOGS.shim),
  };
  // Without a shim nobody learns of its end.
  const pid = program.kind === "noop" ? undefined : starter ? starter(place) : startShim({
    ...place,
    program,
    terminal: config.command.terminal,
    interactive: config.interactive,
    log: logFile(loaded, id),
    attach: attachSocket(loaded, id),
  });
  const shim = pid === undefined ? null : identifyProcess(pid) ?? null;
  undo.defer("its shim", () => endProcess(shim));
  const ready: ContainerRecord = {
    ...container,
    state: "ready",
    held: false,
    reason: null,
    exit: null,
    token,
    shim,
    disks,
  };
  await tools.store.writeContainer(ready);
  undo.keep();
  return ready;
}
