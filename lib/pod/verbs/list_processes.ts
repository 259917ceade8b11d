import { Failure } from "../../failure.ts";
import { loadPod } from "../load_pod.ts";
import { hasProcess } from "../records.ts";
import { agentOf, type PodTools } from "../tools.ts";
import { findContainer } from "./find_container.ts";

/**
 * The processes of a running container.
 *
 * @param format `json`: an array of pids in the guest; `table`: what `ps` prints
 * @throws {Failure} when the container is not running
 */
export async function listProcesses(
  tools: PodTools,
  pod: string,
  id: string,
  format: "json" | "table",
  args: string[],
): Promise<string> {
  const loaded = await loadPod(tools.store, pod);
  const container = findContainer(loaded, id);
  const { state } = container;
  if (!hasProcess(container)) {
    throw new Failure(
      `Cannot list the processes of the container ${id}: it is ${state}, and must be running`,
    );
  }
  const agent = agentOf(tools, loaded.pod);
  try {
    return await agent.listProcesses(id, format, args);
  } finally {
    agent.close();
  }
}
