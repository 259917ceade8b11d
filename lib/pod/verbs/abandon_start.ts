import type { Failure } from "../../failure.ts";
import { explainStart } from "../explain_start.ts";
import type { LoadedPod } from "../load_pod.ts";
import type { ContainerRecord } from "../records.ts";
import type { PodTools } from "../tools.ts";
import { endContainer } from "./stop_container.ts";

/**
 * Ends what there is of a container that its guest has and that could not be started. Its record says why.
 *
 * @returns what to tell of it
 */
export async function abandonStart(
  tools: PodTools,
  loaded: LoadedPod,
  container: ContainerRecord,
  error: unknown,
): Promise<Failure> {
  const failure = explainStart(error, container.config.command);
  const stopped = await endContainer(tools, loaded, container, 0);
  await tools.store.writeContainer({ ...stopped, reason: failure.message });
  return failure;
}
