import type { Paths } from "../config/mod.ts";
import { buildGuest } from "../guest/image/mod.ts";
import { Qemu } from "../hypervisor/mod.ts";
import { PodStore, runOnce } from "../pod/mod.ts";
import { SIGNALS } from "../sys/mod.ts";
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
  const image = await buildGuest({
    cacheDir: paths.cache,
    ...(request.pod.kernel === null ? {} : { kernel: request.pod.kernel }),
    onStep: (step) => progress.show(step),
  });
  const container = await resolveRoot(request, paths, image.busybox);
  using relay = new SignalRelay();
  using deadline = new Deadline(request.timeout);
  progress.show("starting the VM");
  const qemu = new Qemu({ boot: image });
  const started = performance.now();
  using followers = new DisposableStack();
  const code = await runOnce({
    store: new PodStore(paths.state),
    name: request.name,
    pod: request.pod,
    container,
    launch: (options) => qemu.launch(options),
    streams: { interactive: request.interactive, terminal: container.command.terminal },
    onLaunched: (vm) => {
      if (request.console) followers.use(new ConsoleFollower(vm.consolePath));
    },
    onStarting: () => progress.clear(),
    onStarted: (signal) => {
      relay.sendTo(signal);
      deadline.start(() => signal(SIGNALS.KILL!));
    },
    signal: relay.abort,
  });
  if (request.json) {
    const seconds = (performance.now() - started) / 1000;
    printError(JSON.stringify({ pod: request.name, exitCode: code, seconds }) + "\n");
  }
  return code;
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
