import { Failure } from "../../failure.ts";
import { signalIdentified, SIGNALS } from "../../sys/mod.ts";
import type { LoadedPod } from "../load_pod.ts";
import { type ContainerRecord, hasProcess } from "../records.ts";
import { killShim } from "../shims.ts";
import { agentOf, type PodTools } from "../tools.ts";
import { changePod } from "./change_pod.ts";
import { findContainer } from "./find_container.ts";

/** Signals that end no process that has no handler for them (signal(7)). */
const HARMLESS = ["CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "WINCH"]
  .map((name) => SIGNALS[name]);

/**
 * Signals a container's first process, or all of its processes. A container that is only ready has none: its shim gets
 * the signal.
 *
 * @throws {Failure} when it is neither ready nor running
 */
export async function killContainer(
  tools: Pick<PodTools, "store">,
  pod: string,
  id: string,
  signal: number,
  all: boolean,
): Promise<void> {
  await changePod(tools.store, pod, async (loaded) => {
    await sendSignal(tools, loaded, findContainer(loaded, id), signal, all);
  });
}

/** The same with the records at hand. */
export async function sendSignal(
  tools: Pick<PodTools, "store">,
  { pod }: LoadedPod,
  container: ContainerRecord,
  signal: number,
  all: boolean,
): Promise<void> {
  const { id, state, shim } = container;
  if (state === "ready" && !container.held) {
    if (shim && "pid" in shim) signalIdentified(shim, signal);
    else if (!HARMLESS.includes(signal)) await killShim(pod, container);
    return;
  }
  if (!hasProcess(container)) {
    throw new Failure(
      `Cannot signal the container ${id}: it is ${state}, and must be ready or running`,
    );
  }
  const agent = agentOf(tools, pod);
  try {
    await agent.killContainer(id, signal, all);
  } finally {
    agent.close();
  }
}
