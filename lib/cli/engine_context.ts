import type { RuntimeContext } from "../oci/runtime/mod.ts";
import type { CommandContext } from "./command.ts";
import { ParsedOptions } from "./options.ts";
import { readPodOptions } from "./pod_options.ts";
import { verbContext } from "./verb_context.ts";

/** What the verbs that engines call work with. */
export async function engineContext(context: CommandContext): Promise<RuntimeContext> {
  const { config } = context;
  // An engine's VM is in its pod's control groups from the start, and a spare is in none.
  const { spares: _, ...defaults } = await readPodOptions(
    new ParsedOptions([], new Map()),
    "",
    config,
  );
  const verb = verbContext(context);
  return {
    ...verb,
    tools: await verb.allTools(),
    allowedAnnotations: config.get("annotations").split(",").map((each) => each.trim()),
    defaults,
  };
}
