import type { PodTools } from "../tools.ts";
import { removeOnceEnded } from "./remove_once_ended.ts";
import { endParts } from "./stop_pod.ts";

/**
 * Removes a pod with everything that it has.
 *
 * @param force stop it first, and remove it even when its records cannot be read
 * @throws {Failure} when there is no such pod, or it is running and `force` is not given
 */
export async function removePod(tools: PodTools, id: string, force: boolean): Promise<void> {
  await removeOnceEnded(tools.store, id, force, (loaded) => endParts(tools, loaded));
}
