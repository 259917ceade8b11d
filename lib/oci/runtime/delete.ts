import { Failure } from "../../failure.ts";
// Past its room's face, which brings the making of VMs along.
import { killContainer } from "../../pod/verbs/kill_container.ts";
import { removeContainer } from "../../pod/verbs/remove_container.ts";
import { removePod } from "../../pod/verbs/remove_pod.ts";
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

async function removeParts({ tools }: VerbContext, standing: Standing): Promise<void> {
  const { record: { pod, container, ownsPod }, status } = standing;
  if (!ownsPod) {
    if (standing.container) await removeContainer(tools, pod, container, true);
    return;
  }
  // Its end need not be waited for: it has been decided.
  if (status === "running") {
    await killContainer(tools, pod, container, SIGNALS.KILL!, true).catch(() => {});
  }
  if (await tools.store.has(pod)) await removePod(tools, pod, true);
}
