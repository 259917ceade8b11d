import { getLogger } from "../../log.ts";
import { SIGNALS, waitForEnd } from "../../sys/mod.ts";
import { unplugDisks } from "../disks.ts";
import { readExit } from "../exit_file.ts";
import type { LoadedPod } from "../load_pod.ts";
import { type ContainerRecord, hasProcess } from "../records.ts";
import { unshareContainer } from "../share.ts";
import { killShim, openShim } from "../shims.ts";
import { checkMove } from "../state_machine.ts";
import { agentOf, type PodTools, vmOf } from "../tools.ts";
import { changePod } from "./change_pod.ts";
import { findContainer } from "./find_container.ts";
import { sendSignal } from "./kill_container.ts";

/** How long a container may take to end after SIGKILL, in milliseconds. */
export const KILL_TIMEOUT = 10_000;

/**
 * Stops a container: SIGTERM to its first process, after `grace` SIGKILL to all.
 *
 * @param grace milliseconds
 * @throws {Failure} when it has stopped already
 */
export async function stopContainer(
  tools: PodTools,
  pod: string,
  id: string,
  grace: number,
): Promise<ContainerRecord> {
  return await changePod(tools.store, pod, async (loaded) => {
    const container = findContainer(loaded, id);
    checkMove(`container ${id}`, container.state, "stopped");
    return await endContainer(tools, loaded, container, grace);
  });
}

/** Ends a container that is ready or running, whatever of its guest still answers, and takes its shares away. */
export async function endContainer(
  tools: PodTools,
  loaded: LoadedPod,
  container: ContainerRecord,
  grace: number,
): Promise<ContainerRecord> {
  const { pod, directory } = loaded;
  const { id } = container;
  const log = getLogger("container", { pod: pod.id, container: id });
  const attempt = async (what: string, action: () => unknown) => {
    try {
      await action();
      return true;
    } catch (error) {
      log.warn(`container not ended in order: ${what} failed`, { error });
      return false;
    }
  };
  const signal = (name: "TERM" | "KILL", all: boolean) =>
    attempt(`SIG${name}`, () => sendSignal(tools, loaded, container, SIGNALS[name]!, all));
  if (hasProcess(container)) {
    // Nothing is waited for that nobody has been told.
    const ended = await signal("TERM", false) && await shimEnds(container, grace);
    if (!ended && await signal("KILL", true)) await shimEnds(container, KILL_TIMEOUT);
    await attempt("its removal in the guest", () => removeInGuest(tools, loaded, id));
  }
  await killShim(pod, container);
  if (!hasProcess(container) && container.token !== null) {
    const { token } = container;
    await attempt("giving back its streams", () => releaseStreams(tools, loaded, token));
  }
  const vm = vmOf(tools, pod);
  await attempt("taking away its shares", () => unshareContainer(directory, vm.process.pid, id));
  const disks = await unplugDisks(vm, container.disks);
  const exit = await readExit(directory, id) ?? null;
  const stopped: ContainerRecord = {
    ...container,
    state: "stopped",
    held: false,
    reason: exit ? null : whyWithoutExit(container),
    exit,
    token: null,
    shim: null,
    disks,
  };
  await tools.store.writeContainer(stopped);
  return stopped;
}

function whyWithoutExit({ state }: ContainerRecord): string {
  return state === "ready"
    ? "it was stopped before it had started"
    : "it was stopped; how it ended is not known";
}

async function releaseStreams(tools: PodTools, { pod }: LoadedPod, token: string): Promise<void> {
  const agent = agentOf(tools, pod);
  try {
    await agent.releaseStreams(token);
  } finally {
    agent.close();
  }
}

/** Makes the guest forget a container that has ended. */
export async function removeInGuest(
  tools: PodTools,
  { pod }: LoadedPod,
  id: string,
): Promise<void> {
  const agent = agentOf(tools, pod);
  try {
    await agent.removeContainer(id);
  } finally {
    agent.close();
  }
}

/** Waits for the end of a container's shim, which is there as long as its process is. */
export async function shimEnds({ shim }: ContainerRecord, timeout: number): Promise<boolean> {
  using open = shim === null ? undefined : openShim(shim);
  return !open || await waitForEnd(open, timeout);
}
