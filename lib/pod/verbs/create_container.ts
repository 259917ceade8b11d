import { Failure } from "../../failure.ts";
import { type ContainerConfig, type ContainerRecord, newContainer } from "../records.ts";
import type { PodTools } from "../tools.ts";
import { Undo } from "../undo.ts";
import { changePod } from "./change_pod.ts";
import { checkUp } from "./check_up.ts";
import type { ShimStarter } from "../give_shim.ts";
import { prepareContainer } from "./prepare_container.ts";

/**
 * Makes a container in a pod that is up.
 *
 * @param starter of its shim; default: one in the background, with a log
 * @throws {Failure} when there is one of that name in the pod, or the pod is not up; nothing of it is left then
 */
export async function createContainer(
  tools: PodTools,
  pod: string,
  id: string,
  config: ContainerConfig,
  starter?: ShimStarter,
): Promise<ContainerRecord> {
  const { store } = tools;
  return await changePod(store, pod, async (loaded) => {
    if (loaded.containers.some((each) => each.id === id)) {
      throw new Failure(`Cannot make the container ${id} in the pod ${pod}: there is one already`);
    }
    checkUp(loaded.pod.state, `make the container ${id}`, pod);
    await using undo = new Undo({ pod, container: id });
    undo.defer("its directory", () => store.removeContainer(pod, id));
    const container = newContainer(id, pod, config);
    await store.writeContainer(container);
    const ready = await prepareContainer(tools, loaded, container, starter);
    undo.keep();
    return ready;
  });
}
