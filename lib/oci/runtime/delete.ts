import { Failure } from "../../failure.ts";
// Past its room's face, which brings the making of VMs along.
import { hasNothingLeft, killRecorded } from "../../pod/end_pod.ts";
import { removeOnceEnded } from "../../pod/verbs/remove_once_ended.ts";
import { SIGNALS } from "../../sys/mod.ts";
import type { VerbContext } from "./context.ts";
import { removeCgroups } from "./cgroups.ts";
import { runHooksFor } from "./hooks_of.ts";
import { removeOwnNetwork } from "./remove_own_network.ts";
import { lookAt, type Standing } from "./state.ts";

/**
 * Removes a container, and the pod that was made for it.
 *
 * @param force whatever its state is; one that is not there is fine
 * @throws {Failure} when it is still running, or there is none
 */
export async function deleteContainer(
  context: VerbContext,
  id: string,
  force: boolean,
): Promise<void> {
  if (force && !await context.store.find(id)) {
    // A command that was killed before it could write more than the directory.
    await context.store.remove(id);
    return;
  }
  const standing = await lookAt(context, id);
  const { status } = standing;
  if (status !== "stopped" && !force && status !== "created") {
    throw new Failure(`cannot delete container ${id} that is not stopped: ${status}`);
  }
  await removeParts(context, standing);
  removeOwnNetwork(standing.record);
  await removeCgroups(standing.record.cgroups);
  await runHooksFor(standing.record, "stopped", ["poststop"]);
  await context.store.remove(id);
}

/** What only some containers need is loaded for those. */
async function removeParts(context: VerbContext, standing: Standing): Promise<void> {
  const { tools, allTools } = context;
  const { record: { pod, container, ownsPod }, status } = standing;
  if (!ownsPod) {
    if (!standing.container) return;
    const { removeContainer } = await import("../../pod/verbs/remove_container.ts");
    return await removeContainer(await allTools(), pod, container, true);
  }
  // Its end need not be waited for: it has been decided.
  if (status === "running") {
    const { killContainer } = await import("../../pod/verbs/kill_container.ts");
    await killContainer(tools, pod, container, SIGNALS.KILL!, true).catch(() => {});
  }
  if (!await tools.store.has(pod)) return;
  await removeOnceEnded(tools.store, pod, true, async (loaded) => {
    if (hasNothingLeft(loaded)) return await killRecorded(loaded.pod);
    const { endParts } = await import("../../pod/verbs/stop_pod.ts");
    await endParts(await allTools(), loaded);
  });
}
