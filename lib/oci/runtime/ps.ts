import { Failure } from "../../failure.ts";
import { listProcesses } from "../../pod/mod.ts";
import type { RuntimeContext } from "./context.ts";
import { lookAt } from "./state.ts";

/**
 * The processes of a container. In a table they are the guest's, as its `ps` prints them. Engines take the numbers in
 * JSON for the host's own: they get the one that stands for the container there.
 *
 * @param args of `ps`
 * @throws {Failure} when it is not running
 */
export async function processesOf(
  context: RuntimeContext,
  id: string,
  format: "json" | "table",
  args: string[],
): Promise<string> {
  const { record: { pod, container, process }, status } = await lookAt(context, id);
  if (format === "json") {
    return `${JSON.stringify(process && status !== "stopped" ? [process.pid] : [])}\n`;
  }
  if (status !== "running" && status !== "created") {
    throw new Failure(`container not running: ${status}`);
  }
  const table = await listProcesses(context.tools, pod, container, "table", args);
  return table.endsWith("\n") ? table : `${table}\n`;
}
