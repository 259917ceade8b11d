import type { Paths } from "../config/mod.ts";
import type { BundleHooks, HookedBundle } from "./bundle_hooks.ts";
import type { PodConfig } from "../pod/mod.ts";
// Past its room's face, which brings along all that is done with pods.
import { kindsOf } from "../pod/kinds.ts";
import { runOnce } from "../pod/run_once.ts";
import { PodStore } from "../pod/store.ts";
import { SIGNALS } from "../sys/mod.ts";
import { trace } from "../trace.ts";
import { guestMaker } from "./guest_maker.ts";
import { ConsoleFollower } from "./console_follower.ts";
import { printError } from "./output.ts";
import { Progress } from "./progress.ts";
import { resolveRoot } from "./resolve_root.ts";
import type { RunRequest } from "./run_request.ts";
import { SignalRelay } from "./signal_relay.ts";

/**
 * Runs a container in a pod of its own in the foreground: its streams are this process's, signals go to it, and the
 * pod ends with it.
 *
 * @returns the command's exit code
 */
export async function runForeground(request: RunRequest, paths: Paths): Promise<number> {
  using progress = new Progress();
  const guest = guestMaker(paths, (step) => progress.show(step));
  // Before the pod's processes start: building it may take a while.
  const finding = trace("find guest and root file system");
  if (bootsBuiltinGuest(request.pod)) await guest(request.pod.kernel ?? undefined);
  const container = await resolveRoot(request, paths, async () => (await guest()).busybox);
  finding[Symbol.dispose]();
  using relay = new SignalRelay();
  using deadline = new Deadline(request.timeout);
  progress.show("starting the VM");
  const started = performance.now();
  using followers = new DisposableStack();
  const hooks = request.bundle && await hooksOf(request.bundle, request.name);
  const code = await runOnce({
    store: new PodStore(paths.state),
    name: request.name,
    pod: request.pod,
    container,
    launch: async (options) => {
      const { makeHypervisor } = await import("./pod_tools.ts");
      const hypervisor = makeHypervisor(paths, guest);
      return await hypervisor.launch({ ...options, consoleWatched: request.console });
    },
    streams: { interactive: request.interactive, terminal: container.command.terminal },
    onLaunched: (vm) => {
      if (request.console) followers.use(new ConsoleFollower(vm.consolePath));
    },
    ...(hooks ? { onPrepared: () => hooks.beforeStart() } : {}),
    onStarting: () => progress.clear(),
    onStarted: (signal) => {
      hooks?.afterStart();
      relay.sendTo(signal);
      deadline.start(() => signal(SIGNALS.KILL!));
    },
    signal: relay.abort,
  }).finally(() => hooks?.afterEnd());
  if (request.json) {
    const seconds = (performance.now() - started) / 1000;
    printError(JSON.stringify({ pod: request.name, exitCode: code, seconds }) + "\n");
  }
  return code;
}

/** What runs them is loaded only where there is a bundle. */
async function hooksOf(bundle: HookedBundle, name: string): Promise<BundleHooks | undefined> {
  const { BundleHooks } = await import("./bundle_hooks.ts");
  return BundleHooks.areIn(bundle) ? new BundleHooks(bundle, name) : undefined;
}

function bootsBuiltinGuest(pod: PodConfig): boolean {
  return pod.guest === undefined && kindsOf(pod).hypervisor.kind === "qemu";
}

/** Ends the command when its time is up. */
class Deadline implements Disposable {
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly milliseconds: number | undefined) {}

  start(end: () => Promise<void>): void {
    const { milliseconds } = this;
    if (milliseconds === undefined) return;
    this.#timer = setTimeout(() => {
      printError(`podvisor: the command's time is up: ${milliseconds / 1000} s\n`);
      // A command that has just ended takes no signal; its end is told elsewhere.
      end().catch(() => {});
    }, milliseconds);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
