// Past the room's face, which brings the making of VMs along: engines call this for each container.
import { startCreated } from "../../oci/runtime/start.ts";
import type { Command, CommandContext } from "../command.ts";
import { verbContext } from "../verb_context.ts";

/** `podvisor start`. */
export const start: Command = {
  usage: "ID",
  description: "Runs the program of a container that was made.",
  options: [],
  operands: [1, 1],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    await startCreated(verbContext(context), context.options.operands[0]!);
    return 0;
  },
};
