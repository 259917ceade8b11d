import type { LifeState } from "../state_machine.ts";
import { checkMove } from "../state_machine.ts";
import { agentOf, type PodTools } from "../tools.ts";
import { changePod } from "./change_pod.ts";
import { findContainer } from "./find_container.ts";

/**
 * Makes one running container of a pod stand still, while the others go on.
 *
 * @throws {Failure} when it is not running, or its guest cannot
 */
export async function freezeContainer(tools: PodTools, pod: string, id: string): Promise<void> {
  await change(tools, pod, id, "paused");
}

/** Lets a container go on that stands still. @throws {Failure} when it does not */
export async function thawContainer(tools: PodTools, pod: string, id: string): Promise<void> {
  await change(tools, pod, id, "running");
}

async function change(
  tools: PodTools,
  pod: string,
  id: string,
  to: "paused" | "running",
): Promise<void> {
  await changePod(tools.store, pod, async (loaded) => {
    const container = findContainer(loaded, id);
    const from: LifeState = to === "paused" ? "running" : "paused";
    // One that is ready or stopped is not to be started by thawing it.
    if (container.state !== from) checkMove(`container ${id}`, container.state, "paused");
    checkMove(`container ${id}`, container.state, to);
    const agent = agentOf(tools, loaded.pod);
    using _connection = { [Symbol.dispose]: () => agent.close() };
    await agent.freezeContainer(id, to === "paused");
    await tools.store.writeContainer({ ...container, state: to });
  });
}
