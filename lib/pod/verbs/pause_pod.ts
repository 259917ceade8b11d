import type { LifeState } from "../state_machine.ts";
import { checkMove } from "../state_machine.ts";
import { type PodTools, vmOf } from "../tools.ts";
import { changePod } from "./change_pod.ts";

/** Stops the processors of a running pod's VM. @throws {Failure} when the pod is not running */
export async function pausePod(tools: PodTools, id: string): Promise<void> {
  await change(tools, id, "paused");
}

/** Lets a paused pod go on. @throws {Failure} when the pod is not paused */
export async function resumePod(tools: PodTools, id: string): Promise<void> {
  await change(tools, id, "running");
}

async function change(tools: PodTools, id: string, to: "paused" | "running"): Promise<void> {
  const { store } = tools;
  const from: LifeState = to === "paused" ? "running" : "paused";
  await changePod(store, id, async ({ pod, containers }) => {
    // A pod that is ready or stopped is not to be started by resuming it.
    if (to === "running" && pod.state !== "paused") checkMove(`pod ${id}`, pod.state, "paused");
    checkMove(`pod ${id}`, pod.state, to);
    const vm = vmOf(tools, pod);
    await (to === "paused" ? vm.pause() : vm.resume());
    await store.writePod({ ...pod, state: to });
    for (const container of containers) {
      if (container.state === from) await store.writeContainer({ ...container, state: to });
    }
  });
}
