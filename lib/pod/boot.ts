import type { Agent } from "../agent/mod.ts";
import { Failure } from "../failure.ts";
import {
  startConsoleKeeper,
  type Vm,
  type VmLaunch,
  type VmOrigin,
  type VmTemplate,
} from "../hypervisor/mod.ts";
import { getLogger } from "../log.ts";
import { isAlive, openIdentified, type ProcessIdentity, waitForEnd } from "../sys/mod.ts";
import { trace, traceSteps } from "../trace.ts";
import { growTo, isLarger } from "./grow.ts";
import { bootOf, kindsOf, proxyUrl } from "./kinds.ts";
import { makeAgent } from "./make_agent.ts";
import { type PodNetwork, preparePodNetwork, type ToldNetwork } from "./network/pod_network.ts";
import { interfacesIn } from "./network/template_card.ts";
import type { PodRecord, ProxyRecord } from "./records.ts";
import { releaseOutside } from "./release_outside.ts";
import { claimSockets } from "./sockets.ts";
import { StartingProxy } from "./starting_proxy.ts";
import type { PodDirectory } from "./store.ts";
import { originOf, takesSpare } from "./vm_origin.ts";

/** How long a restored guest may take until its pod is up, in milliseconds: what takes longer is damaged. */
const RESTORE_TIMEOUT = 15_000;

/** How a pod's processes are started. */
export interface BootOptions {
  directory: PodDirectory;
  pod: PodRecord;
  /** Starts the VM: QEMU, or what stands in for it. */
  launch(options: VmLaunch): Promise<Vm>;
  /** Whether VM and proxy end with this command, however it ends. */
  dieWithParent: boolean;
  /** Its proxy, if that is starting already; it is ended when the pod cannot be booted. */
  proxy?: StartingProxy;
  /** What the VM starts from. Default: a template, where the pod may have one. */
  origin?: VmOrigin;
  /** Called once the VM's process is there, while it boots: again, when a restored one had to be given up. */
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
  const origin = options.origin ?? originOf(options.pod.config);
  if (!origin) return await bringUp(options, undefined);
  const attempt: Attempt = {};
  try {
    return await bringUp(options, origin, attempt);
  } catch (error) {
    const { template, networkFailed } = attempt;
    if (!template?.restored || networkFailed || options.signal.aborted) throw error;
    const log = getLogger("pod", { pod: options.pod.id });
    log.warn("restored VM given up: it boots", { key: template.details.key, error });
    const booted = await bringUp(options, undefined);
    await template.drop();
    return booted;
  }
}

/** What is known of a try to bring a pod up, whether it succeeds or not. */
interface Attempt {
  template?: VmTemplate | undefined;
  /** What another VM could not have either. */
  networkFailed?: boolean;
}

async function bringUp(
  options: BootOptions,
  origin: VmOrigin | undefined,
  attempt: Attempt = {},
): Promise<BootedPod> {
  using steps = traceSteps("claim the sockets");
  const { directory, pod, signal } = options;
  const { hostname, share } = pod.config;
  const kinds = kindsOf(pod.config);
  const log = getLogger("pod", { pod: pod.id });
  await using undo = new AsyncDisposableStack();
  const ended = new AbortController();
  const starting = undo.use(
    options.proxy ?? new StartingProxy(kinds.proxy, directory, options.dieWithParent),
  );
  // A spare has a proxy.
  const takes = takesSpare(origin, pod.config);
  if (!takes) starting.start();
  const url = proxyUrl(kinds.proxy, directory);
  const agent = makeAgent(pod, directory, url, AbortSignal.any([signal, ended.signal]));
  undo.defer(() => agent.close());
  const devices = agent.createPod(directory.share);
  undo.defer(() => releaseOutside(directory));
  await claimSockets(directory, devices.ports.map(({ hostPath }) => hostPath));
  steps.next("network");
  using network = await preparePodNetwork(directory, pod.config);
  steps.next("launch the VM");
  const vm = await options.launch({
    name: pod.id,
    directory: directory.path,
    ...bootOf(pod.config),
    memoryMiB: pod.config.memoryMiB,
    vcpus: pod.config.vcpus,
    maxVcpus: pod.config.maxVcpus,
    network: network.vm,
    ports: devices.ports,
    share: devices.share && { ...devices.share, kind: share },
    mounts: directory.share,
    dieWithParent: options.dieWithParent,
    ...(origin
      ? { origin: takes ? { ...origin, takeSpare: (key) => starting.takeSpare(key) } : origin }
      : {}),
  });
  const proxy = starting.start();
  attempt.template = vm.template;
  undo.defer(() => vm.kill());
  // With this command goes the VM, and meanwhile it keeps the console small itself.
  const { proxy: { kind }, hypervisor } = kinds;
  const unkept = kind !== "builtin" && hypervisor.kind === "qemu";
  if (unkept && !options.dieWithParent) startConsoleKeeper(vm);
  log.info("VM started", { "vm-pid": vm.process.pid, accelerator: vm.accelerator });
  using _watching = watch(vm, proxy.process, ended);
  const networking = connectWhenRunning(vm, network, starting.spare !== undefined, attempt);
  const told = networking.connected.then((known) => ({ hostname, share, ...known }));
  steps.next("bring the guest up");
  // First, so that the guest is at work while the rest is done here.
  const started = agent.startPod(told, starting.spare?.formerId);
  const launched = options.onLaunched?.(vm);
  // Whoever waits for the pod is told.
  told.catch(() => {});
  started.catch(() => {});
  try {
    await Promise.all([
      launched,
      started,
      told,
      vm.template?.restored,
    ]);
  } catch (error) {
    await launched?.catch(() => {});
    await networking.stop();
    throw ended.signal.aborted ? ended.signal.reason : error;
  }
  const { template } = vm;
  if (template?.restored && isLarger(pod.config, template.details)) {
    await growTo(vm, agent, pod.config);
  }
  undo.move();
  return { vm, proxy, agent };
}

/**
 * Connects a pod's network once its VM runs: until a restored one does, this process is busy with it.
 *
 * @returns what the guest is to be told, and what ends this: when it resolves, nothing is done any more
 */
function connectWhenRunning(
  vm: Vm,
  network: PodNetwork,
  hasWaited: boolean,
  attempt: Attempt,
): { connected: Promise<ToldNetwork>; stop(): Promise<void> } {
  let stopped = false;
  let connecting: Promise<ToldNetwork> | undefined;
  const withCard = hasWaited && vm.template?.details.network === "card";
  const connect = async () => {
    using _span = trace("connect the network");
    try {
      const told = await network.connect(withCard ? vm.process : undefined);
      return { ...told, interfaces: interfacesIn(vm, network, told) };
    } catch (error) {
      attempt.networkFailed = isAlive(vm.process);
      throw error;
    }
  };
  const connected = Promise.resolve(vm.template?.restored).then(() => {
    if (stopped) throw new Failure("Cannot connect the pod's network: its start has been given up");
    return connecting = connect();
  });
  return {
    connected,
    stop: async () => {
      stopped = true;
      await connecting?.catch(() => {});
    },
  };
}

/** Ends the start as soon as one of the processes it waits for is gone. */
function watch(
  vm: Vm,
  proxy: ProcessIdentity | null,
  ended: AbortController,
): Disposable {
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
  const timer = vm.template?.restored
    ? setTimeout(() => fail(new Failure("The restored VM does not answer")), RESTORE_TIMEOUT)
    : undefined;
  return {
    [Symbol.dispose]() {
      stopped = true;
      clearTimeout(timer);
    },
  };
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
