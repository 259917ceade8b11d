import { PodStore } from "../pod/mod.ts";
import { type RuntimeContext, RuntimeStore } from "../oci/runtime/mod.ts";
import type { CommandContext } from "./command.ts";
import { ParsedOptions } from "./options.ts";
import { readPodOptions } from "./pod_options.ts";
import { makePodTools } from "./pod_tools.ts";

/** What the verbs that engines call work with. */
export async function engineContext(
  { paths, config, globals }: CommandContext,
): Promise<RuntimeContext> {
  const root = globals.value("root") ?? paths.state;
  return {
    store: new RuntimeStore(root),
    tools: { ...makePodTools(paths), store: new PodStore(paths.state) },
    allowedAnnotations: config.get("annotations").split(",").map((each) => each.trim()),
    defaults: await readPodOptions(new ParsedOptions([], new Map()), "", config),
  };
}
