import { Failure } from "../failure.ts";
import type { Vm, VmLaunch } from "../hypervisor/mod.ts";
import { makeShim, type ShimResult, type ShimStreams } from "../shim/mod.ts";
import { identifyProcess, type ProcessIdentity } from "../sys/mod.ts";
import { traceSteps } from "../trace.ts";
import { type BootedPod, bootPod, vmFailure } from "./boot.ts";
import { addPod } from "./add_pod.ts";
import { endPod, killPod } from "./end_pod.ts";
import { releaseOutside } from "./release_outside.ts";
import { planDisks, plugDisks } from "./disks.ts";
import { explainStart } from "./explain_start.ts";
import { keepsNothing } from "./keeps_nothing.ts";
import { kindsOf } from "./kinds.ts";
import { type ContainerConfig, newContainer, type PodConfig, type PodRecord } from "./records.ts";
import { passingContainer, shareContainer } from "./share.ts";
import { vmRecord } from "./tools.ts";
import { Refill } from "./spares/refill_spares.ts";
import { leaveTemplate } from "./templates/leave_template.ts";
import { withinTime } from "./within_time.ts";
import type { PodStore } from "./store.ts";

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
  /** Called when all is there but the command; what it throws ends the pod. */
  onPrepared?: () => Promise<void>;
  /** Called before the command starts: from then on its output may come. */
  onStarting?: () => void;
  /** Called when the command is running, with the way to signal it. */
  onStarted?: (signal: (number: number) => Promise<void>) => void;
  /** Ends the start, or the whole pod. */
  signal: AbortSignal;
}

/** How long the end of a VM may take to be seen after its channels are lost, in milliseconds. */
const LOSS_TIMEOUT = 500;

/**
 * Makes a pod, runs a container in it until it ends, and removes the pod: whatever happens, nothing of it is left.
 *
 * @returns the command's exit code
 * @throws {Failure} with exit code 126 or 127 for a command that cannot be started, 125 for all else
 */
export async function runOnce(options: RunOnceOptions): Promise<number> {
  const { store, name, container, signal } = options;
  using refill = new Refill(store.root, options.pod);
  await using undo = new AsyncDisposableStack();
  const progress: { vm?: Vm; over: boolean } = { over: false };
  // Last of all: it would only delay what the user waits for.
  undo.defer(() => progress.vm && leaveTemplate(store.root, options.pod, progress.vm));
  const owner = identifyProcess(Deno.pid)!;
  const { directory, record } = await addOwned(store, name, options.pod, owner);
  undo.defer(() => store.removeLock(name));
  undo.defer(() => store.remove(name));
  undo.defer(() => releaseOutside(directory));
  const booted = await bootPod({
    directory,
    pod: record,
    launch: options.launch,
    dieWithParent: true,
    signal,
    onLaunched: async (vm) => {
      options.onLaunched?.(vm);
      await Promise.all([
        store.writePod({ ...record, vm: vmRecord(vm) }),
        shareContainer(directory, vm.process.pid, name, container),
      ]);
    },
  });
  const { agent, vm, proxy } = booted;
  progress.vm = vm;
  refill.plan(vm);
  undo.defer(async () => {
    const parts = { agent, vm, proxy: proxy.process };
    if (progress.over && keepsNothing(options.pod, [container])) await killPod(parts);
    else await endPod(parts, name);
  });
  const running: PodRecord = {
    ...record,
    state: "running",
    vm: vmRecord(vm),
    proxy,
  };
  await store.writePod(running);
  const code = await runContainer(options, booted, running);
  progress.over = true;
  return code;
}

/** The lock is let go once others can see whose pod it is. */
async function addOwned(store: PodStore, id: string, config: PodConfig, owner: ProcessIdentity) {
  using _lock = await store.lock(id, "exclusive");
  return await addPod(store, id, config, owner);
}

/** The pod's one container has the pod's name. */
async function runContainer(
  options: RunOnceOptions,
  { agent, vm }: BootedPod,
  pod: PodRecord,
): Promise<number> {
  const { store, name, container, streams, signal } = options;
  using steps = traceSteps("disks and streams");
  const disks = planDisks(container, []);
  await plugDisks(vm, disks);
  await options.onPrepared?.();
  const { url, token } = await agent.reserveStreams();
  const shim = makeShim(kindsOf(pod.config).shim, { url, token, container: name, ...streams });
  const stop = () => shim.close();
  signal.addEventListener("abort", stop);
  using _listening = { [Symbol.dispose]: () => signal.removeEventListener("abort", stop) };
  options.onStarting?.();
  steps.next("start the container");
  const result = shim.run();
  try {
    await agent.startContainer(passingContainer(name, container, disks), token);
  } catch (error) {
    shim.close();
    await result.catch(() => {});
    signal.throwIfAborted();
    throw explainStart(error, container.command);
  }
  steps.next("the command runs");
  const record = newContainer(name, name, container);
  await store.writeContainer({ ...record, state: "running", shim: pod.owner, disks });
  options.onStarted?.((number) => shim.signal(number));
  const ended = await result;
  await agent.collectTrace();
  return await exitCodeOf(ended, vm, signal);
}

async function exitCodeOf(result: ShimResult, vm: Vm, signal: AbortSignal): Promise<number> {
  if (result.kind === "exited") return result.code;
  signal.throwIfAborted();
  const end = await withinTime(vm.ended, LOSS_TIMEOUT);
  if (end) throw vmFailure(end.reason, end.console);
  throw new Failure(`The command's streams were lost: ${result.reason}`);
}
