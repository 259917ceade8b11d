import type { Failure } from "../../failure.ts";
import { unplugDisks } from "../disks.ts";
import { explainStart } from "../explain_start.ts";
import type { LoadedPod } from "../load_pod.ts";
import type { ContainerRecord } from "../records.ts";
import { guestContainer, unshareContainer } from "../share.ts";
import { checkMove } from "../state_machine.ts";
import { isServed, killShim } from "../shims.ts";
import { SIGNALS } from "../../sys/mod.ts";
import { agentOf, type PodTools, vmOf } from "../tools.ts";
import { Undo } from "../undo.ts";
import { changePod } from "./change_pod.ts";
import { clearContainer } from "./clear_container.ts";
import { checkUp } from "./check_up.ts";
import { findContainer } from "./find_container.ts";
import { prepareContainer } from "./prepare_container.ts";
import { releaseHeld } from "./release_container.ts";
import { KILL_TIMEOUT, shimEnds } from "./stop_container.ts";

/**
 * Starts a container that is ready, or one that has stopped anew.
 *
 * @throws {Failure} with exit code 126 or 127 for a program that cannot be run; the container has stopped then
 */
export async function startContainer(
  tools: PodTools,
  pod: string,
  id: string,
): Promise<ContainerRecord> {
  return await changePod(tools.store, pod, async (loaded) => {
    const container = findContainer(loaded, id);
    checkMove(`container ${id}`, container.state, "running");
    checkUp(loaded.pod.state, `start the container ${id}`, pod);
    const prepared = container.state === "stopped"
      ? await prepareContainer(tools, loaded, await clearContainer(tools, loaded, container))
      : container;
    return await startPrepared(tools, loaded, prepared);
  });
}

/** Starts a container that is `ready`. When that fails its shim and its shares are gone, and it has stopped. */
export async function startPrepared(
  tools: PodTools,
  loaded: LoadedPod,
  container: ContainerRecord,
): Promise<ContainerRecord> {
  if (container.held) {
    return await releaseHeld(tools, loaded, container, () => Promise.resolve(tools));
  }
  const { store } = tools;
  const { pod, directory } = loaded;
  const { id, config, token, shim } = container;
  const agent = agentOf(tools, pod);
  using _connection = { [Symbol.dispose]: () => agent.close() };
  const vm = vmOf(tools, pod);
  let { disks } = container;
  let failure: Failure | undefined;
  await using undo = new Undo({ pod: pod.id, container: id });
  undo.defer("its record", async () => {
    const reason = failure?.message ?? "its start failed";
    const stopped = {
      ...container,
      state: "stopped",
      token: null,
      shim: null,
    } as const;
    await store.writeContainer({ ...stopped, reason, disks });
  });
  undo.defer("its disks", async () => disks = await unplugDisks(vm, disks));
  undo.defer("its shares", () => unshareContainer(directory, vm.process.pid, id));
  if (token !== null) undo.defer("its streams", () => agent.releaseStreams(token));
  undo.defer("its shim", () => killShim(pod, container));
  try {
    // The proxy would wait for it for half a minute.
    if (shim && !isServed(shim)) throw new Error("its shim has ended");
    await agent.startContainer(guestContainer(id, config, disks, loaded.containers), token!);
  } catch (error) {
    throw failure = explainStart(error, config.command);
  }
  undo.defer("its name in the guest", () => agent.removeContainer(id));
  undo.defer("its processes", async () => {
    await agent.killContainer(id, SIGNALS.KILL!, true);
    await shimEnds(container, KILL_TIMEOUT);
  });
  await agent.collectTrace();
  const running: ContainerRecord = { ...container, state: "running" };
  await store.writeContainer(running);
  undo.keep();
  return running;
}
