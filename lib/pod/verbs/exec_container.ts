import type { Command } from "../../agent/mod.ts";
import { Failure } from "../../failure.ts";
import { makeShim, type ShimResult, type ShimStreams } from "../../shim/mod.ts";
import { explainStart } from "../explain_start.ts";
import { kindsOf } from "../kinds.ts";
import { type LoadedPod, loadPod } from "../load_pod.ts";
import { POD_LOGS } from "../pod_logs.ts";
import { hasProcess } from "../records.ts";
import { identifyProcess, killProcess } from "../../sys/mod.ts";
import { agentOf, type PodTools } from "../tools.ts";
import { Undo } from "../undo.ts";
import type { ShimStarter } from "../give_shim.ts";
import { findContainer } from "./find_container.ts";

/** A further process in a container, with this process's streams. */
export interface ExecOptions {
  pod: string;
  container: string;
  /** What to run, made from the container's own command. */
  command: (own: Command) => Command;
  streams: ShimStreams;
  /** Called when it runs, with the way to signal it. */
  onStarted?: (signal: (number: number) => Promise<void>) => void;
  signal: AbortSignal;
}

/** A further process in a container, whose streams another process has. */
export interface StartExecOptions extends Pick<ExecOptions, "pod" | "container" | "command"> {
  /** Starts that process, and returns its pid. */
  starter: ShimStarter;
}

/**
 * Starts a process in a running container, and leaves it to its shim.
 *
 * @returns pid of the shim
 * @throws {Failure} when the container is not running; with exit code 126 or 127 for a program that cannot be run
 */
export async function startExec(
  tools: PodTools,
  { pod, container, command, starter }: StartExecOptions,
): Promise<number> {
  const { loaded, asked } = await runningContainer(tools, { pod, container, command });
  const agent = agentOf(tools, loaded.pod);
  using _connection = { [Symbol.dispose]: () => agent.close() };
  await using undo = new Undo({ pod, container });
  const { url, token } = await agent.reserveStreams();
  undo.defer("its streams", () => agent.releaseStreams(token));
  const diagnostics = loaded.directory.file(POD_LOGS.shim);
  const pid = starter({ container, url, token, diagnostics });
  const shim = identifyProcess(pid) ?? null;
  undo.defer("its shim", () => killProcess(shim));
  try {
    await agent.exec(container, asked, token);
  } catch (error) {
    throw explainStart(error, asked);
  }
  undo.keep();
  return pid;
}

/**
 * Runs a process in a running container until it ends.
 *
 * @throws {Failure} when the container is not running; with exit code 126 or 127 for a program that cannot be run
 */
export async function execInContainer(
  tools: PodTools,
  { pod, container, command, streams, onStarted, signal }: ExecOptions,
): Promise<ShimResult> {
  const { loaded, asked } = await runningContainer(tools, { pod, container, command });
  const agent = agentOf(tools, loaded.pod);
  using _connection = { [Symbol.dispose]: () => agent.close() };
  await using undo = new Undo({ pod, container });
  const { url, token } = await agent.reserveStreams();
  undo.defer("its streams", () => agent.releaseStreams(token));
  const shim = makeShim(kindsOf(loaded.pod.config).shim, { url, token, container, ...streams });
  const stop = () => shim.close();
  signal.addEventListener("abort", stop);
  using _listening = { [Symbol.dispose]: () => signal.removeEventListener("abort", stop) };
  const result = shim.run();
  try {
    await agent.exec(container, asked, token);
  } catch (error) {
    shim.close();
    await result.catch(() => {});
    signal.throwIfAborted();
    throw explainStart(error, asked);
  }
  undo.keep();
  onStarted?.((number) => shim.signal(number));
  const ended = await result;
  await agent.collectTrace();
  signal.throwIfAborted();
  return ended;
}

async function runningContainer(
  tools: PodTools,
  { pod, container, command }: Pick<ExecOptions, "pod" | "container" | "command">,
): Promise<{ loaded: LoadedPod; asked: Command }> {
  const loaded = await loadPod(tools.store, pod);
  const record = findContainer(loaded, container);
  const { state, config } = record;
  if (hasProcess(record)) return { loaded, asked: command(config.command) };
  throw new Failure(
    `Cannot run a process in the container ${container}: it is ${state}, and must be running`,
  );
}
