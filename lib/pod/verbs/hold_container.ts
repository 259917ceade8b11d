import { explainStart } from "../explain_start.ts";
import { guestContainer } from "../share.ts";
import { agentOf, type PodTools } from "../tools.ts";
import { changePod } from "./change_pod.ts";
import { findContainer } from "./find_container.ts";

/**
 * Has the guest make a container that is ready, so that little is left for its start: its first process waits before it
 * executes its program. Of a guest that cannot the container stays as it is.
 *
 * @throws {Failure} when the guest does not make it; it has nothing of it then
 */
export async function holdContainer(tools: PodTools, pod: string, id: string): Promise<void> {
  const { store } = tools;
  await changePod(store, pod, async (loaded) => {
    const container = findContainer(loaded, id);
    const { config, disks, token } = container;
    const agent = agentOf(tools, loaded.pod);
    using _connection = { [Symbol.dispose]: () => agent.close() };
    // Before it is: of a command that is killed meanwhile others know what to look for.
    await store.writeContainer({ ...container, held: true });
    let held = false;
    try {
      held = await agent.holdContainer(
        guestContainer(id, config, disks, loaded.containers),
        token!,
      );
    } catch (error) {
      throw explainStart(error, config.command);
    } finally {
      if (!held) await store.writeContainer(container);
    }
  });
}
