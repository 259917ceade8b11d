import { messageOf } from "../../failure.ts";
import { killProcesses } from "../../sys/mod.ts";
import { findPodProcesses } from "../find_processes.ts";
import type { LoadedPod } from "../load_pod.ts";
import { checkMove } from "../state_machine.ts";
import type { PodRecord } from "../records.ts";
import type { PodTools } from "../tools.ts";
import { Undo } from "../undo.ts";
import { changePod } from "./change_pod.ts";
import { bringUp } from "./create_pod.ts";
import { prepareContainer } from "./prepare_container.ts";
import { startPrepared } from "./start_container.ts";

/**
 * Starts a pod and its containers, in order of name. The VM of a pod that has stopped is booted anew.
 *
 * @throws {Failure} when the pod's state does not allow it, or a container does not start
 */
export async function startPod(
  tools: PodTools,
  id: string,
  signal: AbortSignal,
): Promise<PodRecord> {
  return await changePod(tools.store, id, async (loaded) => {
    checkMove(`pod ${id}`, loaded.pod.state, "running");
    const running = await makeRunning(tools, loaded, signal);
    for (const container of loaded.containers) {
      const prepared = container.state === "ready"
        ? container
        : await prepareContainer(tools, { ...loaded, pod: running }, container);
      await startPrepared(tools, { ...loaded, pod: running }, prepared);
    }
    return running;
  });
}

/** One whose VM has been booted for it and that cannot be recorded is down again. */
async function makeRunning(
  tools: PodTools,
  loaded: LoadedPod,
  signal: AbortSignal,
): Promise<PodRecord> {
  const { pod } = loaded;
  await using undo = new Undo({ pod: pod.id });
  try {
    const up = pod.state === "stopped" ? await reboot(tools, loaded, signal, undo) : pod;
    const running: PodRecord = { ...up, state: "running" };
    await tools.store.writePod(running);
    undo.keep();
    return running;
  } catch (error) {
    if (pod.state === "stopped") {
      undo.defer("its record", () => {
        const reason = `its start failed: ${messageOf(error)}`;
        return tools.store.writePod({ ...pod, reason, vm: null, proxy: null });
      });
    }
    throw error;
  }
}

/** An earlier start may have been killed half way: what it left running is in the way. */
async function reboot(
  tools: PodTools,
  loaded: LoadedPod,
  signal: AbortSignal,
  undo: Undo,
): Promise<PodRecord> {
  const strays = findPodProcesses(loaded.directory.path);
  await killProcesses(strays);
  return await bringUp(tools, loaded, signal, undo);
}
