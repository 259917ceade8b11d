import { Failure } from "../failure.ts";
import type { Vm } from "../hypervisor/mod.ts";
import { makeShim, type ShimResult } from "../shim/mod.ts";
import { traceSteps } from "../trace.ts";
import { type BootedPod, bootPod, vmFailure } from "./boot.ts";
import { planDisks, plugDisks } from "./disks.ts";
import { endPod, killPod } from "./end_pod.ts";
import { explainStart } from "./explain_start.ts";
import { keepsNothing } from "./keeps_nothing.ts";
import { kindsOf } from "./kinds.ts";
import { newContainer, type PodRecord } from "./records.ts";
import type { RunOnceOptions } from "./run_once.ts";
import { passingContainer, shareContainer } from "./share.ts";
import type { StartingProxy } from "./starting_proxy.ts";
import type { PodDirectory } from "./store.ts";
import { vmRecord } from "./tools.ts";
import { withinTime } from "./within_time.ts";

/** A pod that has been made, and nothing of it started but its proxy. */
export interface MadePod {
  directory: PodDirectory;
  record: PodRecord;
  proxy: StartingProxy;
  /** Called when its guest is up. */
  onUp(vm: Vm): void;
}

/** How long the end of a VM may take to be seen after its channels are lost, in milliseconds. */
const LOSS_TIMEOUT = 500;

/**
 * Boots a pod, runs a container in it until it ends, and ends the pod: {@linkcode runOnce} does the rest.
 *
 * @returns the command's exit code
 */
export async function runInPod(options: RunOnceOptions, pod: MadePod): Promise<number> {
  const { store, name, container, signal } = options;
  const { directory, record } = pod;
  await using undo = new AsyncDisposableStack();
  const booted = await bootPod({
    directory,
    pod: record,
    launch: options.launch,
    dieWithParent: true,
    proxy: pod.proxy,
    signal,
    onLaunched: async (vm) => {
      options.onLaunched?.(vm);
      const parts = await Promise.allSettled([
        store.writePod({ ...record, vm: vmRecord(vm) }),
        shareContainer(directory, vm.process.pid, name, container),
      ]);
      // Not before both are over: what goes on would meet what is undone, or the next pod of the name.
      for (const part of parts) if (part.status === "rejected") throw part.reason;
    },
  });
  const { agent, vm, proxy } = booted;
  pod.onUp(vm);
  let over = false;
  undo.defer(async () => {
    const parts = { agent, vm, proxy: proxy.process };
    // The driver asks nothing any more when the pod has been given up.
    const hasNothingLeft = signal.aborted || over && keepsNothing(options.pod, [container]);
    if (hasNothingLeft) await killPod(parts);
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
  over = true;
  return code;
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
