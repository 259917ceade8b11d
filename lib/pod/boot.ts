import type { Agent } from "../agent/mod.ts";
import { Failure } from "../failure.ts";
import { startConsoleKeeper, type Vm, type VmLaunch } from "../hypervisor/mod.ts";
import { getLogger } from "../log.ts";
import { openIdentified, type ProcessIdentity, waitForEnd } from "../sys/mod.ts";
import { endProcess } from "./end_process.ts";
import { bootOf, kindsOf, makeAgent, startPodProxy } from "./kinds.ts";
import { preparePodNetwork } from "./network/pod_network.ts";
import type { PodRecord, ProxyRecord } from "./records.ts";
import { releaseOutside } from "./release_outside.ts";
import { claimSockets } from "./sockets.ts";
import type { PodDirectory } from "./store.ts";

/** How a pod's processes are started. */
export interface BootOptions {
  directory: PodDirectory;
  pod: PodRecord;
  /** Starts the VM: QEMU, or what stands in for it. */
  launch(options: VmLaunch): Promise<Vm>;
  /** Whether VM and proxy end with this command, however it ends. */
  dieWithParent: boolean;
  /** Called once the VM's process is there, while it boots. */
  onLaunched?: (vm: Vm) => Promise<void>;
  signal: AbortSignal;
}

/** A pod whose guest is ready for containers. */
export interface BootedPod {
  vm: Vm;
  proxy: ProxyRecord;
  agent: Agent;
}

/**
 * Starts a pod's VM and proxy at the same time and brings its guest up. When this fails, nothing of it is left.
 *
 * @throws {Failure} saying which part failed; for a VM that ended, with the last of its console
 */
export async function bootPod(options: BootOptions): Promise<BootedPod> {
  const { directory, pod, signal } = options;
  const { hostname, share } = pod.config;
  const kinds = kindsOf(pod.config);
  const log = getLogger("pod", { pod: pod.id });
  await using undo = new AsyncDisposableStack();
  const ended = new AbortController();
  const proxy = startPodProxy(kinds.proxy, directory, options.dieWithParent);
  undo.defer(() => endProcess(proxy.process));
  if (proxy.process) {
    log.info("proxy started", { "proxy-pid": proxy.process.pid, url: proxy.url });
  }
  const agent = makeAgent(pod, directory, proxy.url, AbortSignal.any([signal, ended.signal]));
  undo.defer(() => agent.close());
  const devices = agent.createPod(directory.share);
  undo.defer(() => releaseOutside(directory));
  await claimSockets(directory, devices.ports.map(({ hostPath }) => hostPath));
  using network = await preparePodNetwork(directory, pod.config);
  const vm = await options.launch({
    name: pod.id,
    directory: directory.path,
    ...bootOf(pod.config),
    memoryMiB: pod.config.memoryMiB,
    vcpus: pod.config.vcpus,
    network: network.vm,
    ports: devices.ports,
    share: devices.share && { ...devices.share, kind: share },
    mounts: directory.share,
    dieWithParent: options.dieWithParent,
  });
  undo.defer(() => vm.kill());
  // With this command goes the VM, and meanwhile it keeps the console small itself.
  const { proxy: { kind }, hypervisor } = kinds;
  const unkept = kind !== "builtin" && hypervisor.kind === "qemu";
  if (unkept && !options.dieWithParent) startConsoleKeeper(vm);
  log.info("VM started", { "vm-pid": vm.process.pid, accelerator: vm.accelerator });
  const { vm: _, ...guestNetwork } = network;
  const watching = watch(vm, proxy.process, ended);
  const launched = options.onLaunched?.(vm);
  try {
    await Promise.all([
      launched,
      agent.startPod({ hostname, share, ...guestNetwork }),
    ]);
  } catch (error) {
    await launched?.catch(() => {});
    throw ended.signal.aborted ? ended.signal.reason : error;
  } finally {
    watching.stop();
  }
  undo.move();
  return { vm, proxy, agent };
}

/** Ends the start as soon as one of the processes it waits for is gone. */
function watch(
  vm: Vm,
  proxy: ProcessIdentity | null,
  ended: AbortController,
): { stop(): void } {
  let stopped = false;
  const fail = (error: Failure) => {
    if (!stopped) ended.abort(error);
  };
  vm.ended.then((end) => fail(vmFailure(end.reason, end.console)));
  if (proxy) {
    waitForProcess(proxy).then(() =>
      fail(new Failure("Cannot start the pod: its proxy ended while the VM was booting"))
    );
  }
  return { stop: () => stopped = true };
}

async function waitForProcess(identity: ProcessIdentity): Promise<void> {
  using process = openIdentified(identity);
  if (process) await waitForEnd(process);
}

/** What to tell of a VM that has ended by itself. */
export function vmFailure(reason: string, console: readonly string[]): Failure {
  const tail = console.length === 0 ? "" : `; its console ended with: ${console.join(" | ")}`;
  return new Failure(`The VM ended: ${reason}${tail}`);
}
