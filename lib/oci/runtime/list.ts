import { Failure } from "../../failure.ts";
import type { RuntimeContext } from "./context.ts";
import { describeState, lookAt, type RuntimeState } from "./state.ts";

/** The states of all containers of an engine, in order of id. One that is removed meanwhile is left out. */
export async function listStates(context: RuntimeContext): Promise<RuntimeState[]> {
  const states = await Promise.all((await context.store.list()).map(async (id) => {
    try {
      return describeState(await lookAt(context, id));
    } catch (error) {
      if (error instanceof Failure) return undefined;
      throw error;
    }
  }));
  return states.filter((each) => each !== undefined);
}
