import { Failure } from "../../failure.ts";
import { getLogger } from "../../log.ts";
import { isAlive } from "../../sys/mod.ts";
import { unshareContainer } from "../share.ts";
import type { PodTools } from "../tools.ts";
import { changePod } from "./change_pod.ts";
import { findContainer } from "./find_container.ts";
import { endContainer, removeInGuest } from "./stop_container.ts";

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
      if (state !== "stopped") await endContainer(tools, loaded, container, 0);
      else await forget(tools, loaded, id);
      await unshareContainer(loaded.directory, vm.process.pid, id);
    }
    await store.removeContainer(pod, id);
  });
}

/** One that ended by itself is still known to the guest. */
async function forget(...[tools, loaded, id]: Parameters<typeof removeInGuest>): Promise<void> {
  try {
    await removeInGuest(tools, loaded, id);
  } catch (error) {
    getLogger("container", { pod: loaded.pod.id, container: id })
      .debug("guest did not know the container", { error });
  }
}
