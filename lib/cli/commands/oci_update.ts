import { Failure } from "../../failure.ts";
import { readLimitChange } from "../../oci/mod.ts";
import { updateLimits } from "../../oci/runtime/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { engineContext } from "../engine_context.ts";
import { hasLimits, LIMIT_OPTIONS, readLimits } from "../limit_options.ts";

/** `podvisor update`. */
export const update: Command = {
  usage: "[options] ID",
  description: "Changes a container's limits. What is not given stays as it is.",
  options: [
    {
      name: "resources",
      short: "r",
      kind: "value",
      placeholder: "FILE",
      help: "Take them from a file in the form of the OCI specification; - is stdin",
    },
    ...LIMIT_OPTIONS,
  ],
  operands: [1, 1],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    const { options } = context;
    const id = options.operands[0]!;
    const file = options.value("resources");
    if (file === undefined && !hasLimits(options)) {
      throw new Failure(`Cannot update the container ${id}: nothing is to change`);
    }
    const change = file === undefined
      ? (now: Parameters<typeof readLimits>[1]) => readLimits(options, now)
      : readLimitChange(await Deno.readTextFile(file === "-" ? "/dev/stdin" : file));
    await updateLimits(await engineContext(context), id, change);
    return 0;
  },
};
