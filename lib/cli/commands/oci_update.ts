import { Failure } from "../../failure.ts";
import { readLimitChange } from "../../oci/mod.ts";
import { updateLimits } from "../../oci/runtime/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { engineContext } from "../engine_context.ts";
import { ENGINE_LIMIT_OPTIONS, readEngineLimits } from "../engine_limits.ts";

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
    ...ENGINE_LIMIT_OPTIONS,
    {
      name: "l3-cache-schema",
      kind: "value",
      placeholder: "TEXT",
      help: "Accepted: caches are shared out by the host",
    },
    {
      name: "mem-bw-schema",
      kind: "value",
      placeholder: "TEXT",
      help: "Accepted: so is their bandwidth",
    },
  ],
  operands: [1, 1],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    const { options } = context;
    const id = options.operands[0]!;
    const file = options.value("resources");
    const text = file === undefined
      ? readEngineLimits(options)
      : await Deno.readTextFile(file === "-" ? "/dev/stdin" : file);
    if (text === undefined) {
      throw new Failure(`Cannot update the container ${id}: nothing is to change`);
    }
    const change = readLimitChange(text);
    await updateLimits(await engineContext(context), id, change);
    return 0;
  },
};
