import type { ContainerLimits } from "../../agent/mod.ts";
import { Failure } from "../../failure.ts";
import { type ContainerRecord, hasProcess } from "../records.ts";
import { agentOf, type PodTools } from "../tools.ts";
import { changePod } from "./change_pod.ts";
import { findContainer } from "./find_container.ts";

/**
 * Changes a container's limits: at once where it is running, at its next start otherwise.
 *
 * @throws {Failure} when it is paused, or the guest refuses; the limits are as before then
 */
export async function updateContainer(
  tools: PodTools,
  pod: string,
  id: string,
  { cpu, memory, pids, files }: ContainerLimits,
): Promise<ContainerRecord> {
  const limits: ContainerLimits = { cpu, memory, pids, ...(files ? { files } : {}) };
  return await changePod(tools.store, pod, async (loaded) => {
    const container = findContainer(loaded, id);
    if (loaded.pod.state === "paused") {
      throw new Failure(`Cannot update the container ${id}: its pod is paused`, {
        hint: `podvisor pod resume ${pod}`,
      });
    }
    if (hasProcess(container)) {
      const agent = agentOf(tools, loaded.pod);
      using _connection = { [Symbol.dispose]: () => agent.close() };
      await agent.updateContainer(id, limits);
    }
    const updated = { ...container, config: { ...container.config, ...limits } };
    await tools.store.writeContainer(updated);
    return updated;
  });
}
