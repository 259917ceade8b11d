import type { ContainerLimits } from "../../agent/mod.ts";
import { Failure } from "../../failure.ts";
import { updateContainer } from "../../pod/mod.ts";
import type { RuntimeContext } from "./context.ts";
import { lookAt } from "./state.ts";

/**
 * Changes the limits of a container that has not stopped.
 *
 * @param change what they are to be, from what they are
 * @throws {Failure} when it has stopped, or the guest refuses
 */
export async function updateLimits(
  context: RuntimeContext,
  id: string,
  change: (now: ContainerLimits) => ContainerLimits,
): Promise<void> {
  const { record, status, container } = await lookAt(context, id);
  if (!container || status === "stopped") throw new Failure("container not running");
  await updateContainer(context.tools, record.pod, record.container, change(container.config));
}
