import { Failure } from "../../failure.ts";
import { freezeContainer, pausePod, resumePod, thawContainer } from "../../pod/mod.ts";
import type { RuntimeContext } from "./context.ts";
import { lookAt, type Standing } from "./state.ts";

/** Makes a running container stand still. @throws {Failure} when it is not running */
export async function pauseContainer(context: RuntimeContext, id: string): Promise<void> {
  const standing = await lookAt(context, id);
  if (standing.status !== "running") throw new Failure(`container not running: ${standing.status}`);
  const { record: { pod, container } } = standing;
  // With the processors of the VM everything stands still, at no cost to the host.
  if (isAlone(standing)) await pausePod(context.tools, pod);
  else await freezeContainer(context.tools, pod, container);
}

/** Lets a container go on. @throws {Failure} when it does not stand still */
export async function resumeContainer(context: RuntimeContext, id: string): Promise<void> {
  const { record: { pod, container }, status, loaded } = await lookAt(context, id);
  if (status !== "paused") throw new Failure(`container not paused: ${status}`);
  if (loaded!.pod.state === "paused") await resumePod(context.tools, pod);
  else await thawContainer(context.tools, pod, container);
}

function isAlone({ loaded }: Standing): boolean {
  return loaded!.containers.length === 1;
}
