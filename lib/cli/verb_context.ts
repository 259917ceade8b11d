import type { VerbContext } from "../oci/runtime/context.ts";
import type { CommandContext } from "./command.ts";
import { lookContext } from "./look_context.ts";
import { makePodTools } from "./pod_tools.ts";

/** What verbs work with that change a container that is there. */
export function verbContext(context: CommandContext): VerbContext {
  const { store, tools } = lookContext(context);
  return { store, tools: { ...makePodTools(context.paths), ...tools } };
}
