import type { GuestContainer } from "../agent/mod.ts";
import { Failure, messageOf } from "../failure.ts";
import { startFailureExitCode } from "../hyperstart/mod.ts";
import type { Vm, VmLaunch } from "../hypervisor/mod.ts";
import { getLogger } from "../log.ts";
import { Shim, type ShimResult, type ShimStreams } from "../shim/mod.ts";
import { identifyProcess, SIGNALS } from "../sys/mod.ts";
import { type BootedPod, bootPod, vmFailure } from "./boot.ts";
import { endProcess } from "./end_process.ts";
import type { ContainerConfig, ContainerRecord, PodConfig, PodRecord } from "./records.ts";
import { shareContainer } from "./share.ts";
import type { PodDirectory, PodStore } from "./store.ts";

/** A pod that lives as long as one command in it. */
export interface RunOnceOptions {
  store: PodStore;
  name: string;
  pod: PodConfig;
  container: ContainerConfig;
  launch(options: VmLaunch): Promise<Vm>;
  streams: ShimStreams;
  /** Called when the VM has been started and boots. */
  onLaunched?: (vm: Vm) => void;
  /** Called when the command is running, with the way to signal it. */
  onStarted?: (signal: (number: number) => Promise<void>) => void;
  /** Ends the start, or the whole pod. */
  signal: AbortSignal;
}

/** How long the end of a VM may take to be seen after its channels are lost, in milliseconds. */
const LOSS_TIMEOUT = 500;
/** How long the guest may take to come down before its VM is killed, in milliseconds. */
const STOP_TIMEOUT = 5000;

/**
 * Makes a pod, runs a container in it until it ends, and removes the pod: whatever happens, nothing of it is left.
 *
 * @returns the command's exit code
 * @throws {Failure} with exit code 126 or 127 for a command that cannot be started, 125 for all else
 */
export async function runOnce(options: RunOnceOptions): Promise<number> {
  const { store, name, container, signal } = options;
  await using undo = new AsyncDisposableStack();
  const { directory, record } = await addPod(options);
  undo.defer(() => store.remove(name));
  const shared = Promise.withResolvers<GuestContainer>();
  const booted = await bootPod({
    directory,
    pod: record,
    launch: options.launch,
    dieWithParent: true,
    signal,
    onLaunched: async (vm) => {
      options.onLaunched?.(vm);
      const { process, accelerator } = vm;
      await Promise.all([
        store.writePod({ ...record, vm: { process, accelerator } }),
        shareContainer(directory, process.pid, name, container).then(shared.resolve),
      ]);
    },
  });
  undo.defer(() => endPod(booted, name));
  const running: PodRecord = {
    ...record,
    state: "running",
    vm: { process: booted.vm.process, accelerator: booted.vm.accelerator },
    proxy: booted.proxy,
  };
  await store.writePod(running);
  return await runContainer(options, booted, await shared.promise, running);
}

async function addPod(
  { store, name, pod }: RunOnceOptions,
): Promise<{ directory: PodDirectory; record: PodRecord }> {
  using _lock = await store.lock(name, "exclusive");
  const directory = await store.add(name);
  const record: PodRecord = {
    version: 1,
    id: name,
    created: new Date().toISOString(),
    state: "ready",
    reason: null,
    owner: identifyProcess(Deno.pid)!,
    config: pod,
    vm: null,
    proxy: null,
  };
  await store.writePod(record);
  return { directory, record };
}

/** The pod's one container has the pod's name. */
async function runContainer(
  options: RunOnceOptions,
  { agent, vm }: BootedPod,
  shared: GuestContainer,
  pod: PodRecord,
): Promise<number> {
  const { store, name, container, streams, signal } = options;
  const record: ContainerRecord = {
    version: 1,
    id: name,
    pod: name,
    created: new Date().toISOString(),
    state: "running",
    reason: null,
    config: container,
    shim: pod.owner,
    exit: null,
  };
  const { url, token } = await agent.reserveStreams();
  const shim = new Shim({ url, token, container: name, ...streams });
  const stop = () => shim.close();
  signal.addEventListener("abort", stop);
  using _listening = { [Symbol.dispose]: () => signal.removeEventListener("abort", stop) };
  const result = shim.run();
  try {
    await agent.startContainer(shared, token);
  } catch (error) {
    shim.close();
    await result.catch(() => {});
    throw explainStart(error, container.command.args[0]!, signal);
  }
  await store.writeContainer(record);
  options.onStarted?.((number) => shim.signal(number));
  return await exitCodeOf(await result, vm, signal);
}

async function exitCodeOf(result: ShimResult, vm: Vm, signal: AbortSignal): Promise<number> {
  if (result.kind === "exited") return result.code;
  signal.throwIfAborted();
  const end = await withinTime(vm.ended, LOSS_TIMEOUT);
  if (end) throw vmFailure(end.reason, end.console);
  throw new Failure(`The command's streams were lost: ${result.reason}`);
}

/** A program that is not there, or cannot be executed, has exit codes of its own. */
function explainStart(error: unknown, program: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  const exitCode = startFailureExitCode(messageOf(error));
  if (exitCode === undefined) {
    return new Failure(`Cannot start the container: ${messageOf(error)}`, { cause: error });
  }
  const why = exitCode === 127
    ? "it is not found in the root file system"
    : "it cannot be executed";
  return new Failure(`Cannot run ${JSON.stringify(program)}: ${why}`, { cause: error, exitCode });
}

/** Takes the guest down as far as it answers, and the VM and the proxy in any case. */
async function endPod({ agent, vm, proxy }: BootedPod, name: string): Promise<void> {
  const log = getLogger("pod", { pod: name });
  const down = agent.stopPod().catch((error) => {
    log.debug("guest not taken down", { error });
  });
  await withinTime(Promise.race([down, vm.ended]), STOP_TIMEOUT);
  agent.close();
  await Promise.all([vm.kill(), endProcess(proxy.process)]);
}

/** What a promise comes to, or nothing when it takes longer than `milliseconds`. */
async function withinTime<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
