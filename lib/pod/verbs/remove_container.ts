import { Failure } from "../../failure.ts";
import { isAlive, killProcesses } from "../../sys/mod.ts";
import { findPodProcesses } from "../find_processes.ts";
import type { PodTools } from "../tools.ts";
import { changePod } from "./change_pod.ts";
import { clearContainer } from "./clear_container.ts";
import { findContainer } from "./find_container.ts";
import { endContainer } from "./stop_container.ts";

/**
 * Removes a container that is ready or has stopped; with `force`, one that is running too.
 *
 * @throws {Failure} naming the state that does not allow it
 */
export async function removeContainer(
  tools: PodTools,
  pod: string,
  id: string,
  force: boolean,
): Promise<void> {
  const { store } = tools;
  await changePod(store, pod, async (loaded) => {
    const container = findContainer(loaded, id);
    const { state } = container;
    if (state !== "ready" && state !== "stopped" && !force) {
      throw new Failure(
        `Cannot remove the container ${id}: it is ${state}, and must be ready or stopped`,
        { hint: `Use --force, or stop it first: podvisor container stop ${id}` },
      );
    }
    const { vm } = loaded.pod;
    if (vm && isAlive(vm.process)) {
      const ended = state === "stopped"
        ? container
        : await endContainer(tools, loaded, container, 0);
      await clearContainer(tools, loaded, ended);
    }
    // A command that was killed may have started a shim that no record knows of.
    const strays = findPodProcesses(loaded.directory.container(id));
    await killProcesses(strays);
    await store.removeContainer(pod, id);
  });
}
