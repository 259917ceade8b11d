import type { CgroupCounters } from "../../hyperstart/mod.ts";
import { Failure } from "../../failure.ts";
import { loadPod } from "../load_pod.ts";
import { hasProcess } from "../records.ts";
import { agentOf, type PodTools } from "../tools.ts";
import { findContainer } from "./find_container.ts";

/**
 * What a container has used, by its cgroup in the guest.
 *
 * @throws {Failure} when it is not running
 */
export async function containerCounters(
  tools: PodTools,
  pod: string,
  id: string,
): Promise<CgroupCounters> {
  const loaded = await loadPod(tools.store, pod);
  const container = findContainer(loaded, id);
  const { state } = container;
  if (!hasProcess(container)) {
    throw new Failure(`Cannot tell what the container ${id} has used: it is ${state}`);
  }
  const agent = agentOf(tools, loaded.pod);
  using _connection = { [Symbol.dispose]: () => agent.close() };
  return await agent.containerCounters(id);
}
