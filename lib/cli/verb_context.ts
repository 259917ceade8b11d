import type { VerbContext } from "../oci/runtime/context.ts";
import type { CommandContext } from "./command.ts";
import { lookContext } from "./look_context.ts";

/** What verbs work with that change a container that is there. */
export function verbContext(context: CommandContext): VerbContext {
  const { store, tools } = lookContext(context);
  const allTools = async () => {
    const { makePodTools } = await import("./pod_tools.ts");
    return { ...makePodTools(context.paths), ...tools };
  };
  return { store, tools, allTools };
}
