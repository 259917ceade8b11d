import type { Vm, VmLaunch } from "../hypervisor/mod.ts";
import type { ShimStreams } from "../shim/mod.ts";
import { identifyProcess, type ProcessIdentity } from "../sys/mod.ts";
import { addPod } from "./add_pod.ts";
import { kindsOf } from "./kinds.ts";
import type { ContainerConfig, PodConfig } from "./records.ts";
import { releaseOutside } from "./release_outside.ts";
import { Refill } from "./spares/refill_spares.ts";
import { StartingProxy } from "./starting_proxy.ts";
import type { PodStore } from "./store.ts";
import { leaveTemplate } from "./templates/leave_template.ts";
import { originOf, takesSpare } from "./vm_origin.ts";

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

/**
 * Makes a pod, runs a container in it until it ends, and removes the pod: whatever happens, nothing of it is left.
 *
 * @returns the command's exit code
 * @throws {Failure} with exit code 126 or 127 for a command that cannot be started, 125 for all else
 */
export async function runOnce(options: RunOnceOptions): Promise<number> {
  const { store, name, pod } = options;
  using refill = new Refill(store.root, pod);
  await using undo = new AsyncDisposableStack();
  let left: Vm | undefined;
  // Last of all: it would only delay what the user waits for.
  undo.defer(() => left && leaveTemplate(store.root, pod, left));
  const owner = identifyProcess(Deno.pid)!;
  const { directory, record } = await addOwned(store, name, pod, owner);
  undo.defer(() => store.removeLock(name));
  undo.defer(() => store.remove(name));
  undo.defer(() => releaseOutside(directory));
  const proxy = undo.use(new StartingProxy(kindsOf(pod).proxy, directory, true));
  // A spare has a proxy.
  if (!takesSpare(originOf(pod), pod)) proxy.start();
  // While the proxy starts, which takes as long.
  const { runInPod } = await import("./run_in_pod.ts");
  const onUp = (vm: Vm) => {
    left = vm;
    refill.plan(vm);
  };
  return await runInPod(options, { directory, record, proxy, onUp });
}

/** The lock is let go once others can see whose pod it is. */
async function addOwned(store: PodStore, id: string, config: PodConfig, owner: ProcessIdentity) {
  using _lock = await store.lock(id, "exclusive");
  return await addPod(store, id, config, owner);
}
