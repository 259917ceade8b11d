import { Failure } from "../../failure.ts";
import type { LoadedPod } from "../load_pod.ts";
import type { ContainerRecord } from "../records.ts";
import { isServed } from "../shims.ts";
import { agentOf, type PodTools } from "../tools.ts";
import { changePod } from "./change_pod.ts";
import { checkUp } from "./check_up.ts";
import { findContainer } from "./find_container.ts";

/**
 * Starts a container that its guest has already and holds back. Its program runs, or ends it with 126 or 127, having
 * said why on its stderr: that is not waited for.
 *
 * @param allTools for the case that it cannot be, and the rest of it is to be taken away
 * @throws {Failure} when the guest does not let it go on; the container has stopped then
 */
export async function releaseContainer(
  { store }: Pick<PodTools, "store">,
  pod: string,
  id: string,
  allTools: () => Promise<PodTools>,
): Promise<ContainerRecord> {
  return await changePod(store, pod, async (loaded) => {
    const container = findContainer(loaded, id);
    const { state, held } = container;
    if (state !== "ready" || !held) {
      throw new Failure(`Cannot let the container ${id} go on: it is ${state}, and not held`);
    }
    checkUp(loaded.pod.state, `start the container ${id}`, pod);
    return await releaseHeld({ store }, loaded, container, allTools);
  });
}

/** The same with the records at hand. */
export async function releaseHeld(
  { store }: Pick<PodTools, "store">,
  loaded: LoadedPod,
  container: ContainerRecord,
  allTools: () => Promise<PodTools>,
): Promise<ContainerRecord> {
  const { id, shim } = container;
  const agent = agentOf({ store }, loaded.pod);
  using _connection = { [Symbol.dispose]: () => agent.close() };
  try {
    if (shim && !isServed(shim)) throw new Error("its shim has ended");
    await agent.releaseContainer(id);
    const running: ContainerRecord = { ...container, state: "running", held: false };
    await store.writeContainer(running);
    return running;
  } catch (error) {
    // Most starts do not come here.
    const { abandonStart } = await import("./abandon_start.ts");
    throw await abandonStart(await allTools(), loaded, container, error);
  }
}
