// Past the room's face, which brings the making of VMs along: engines ask for the state again and again.
import { describeState, lookAt } from "../../oci/runtime/state.ts";
import type { Command, CommandContext } from "../command.ts";
import { lookContext } from "../look_context.ts";
import { print } from "../output.ts";

/** `podvisor state`. */
export const state: Command = {
  usage: "ID",
  description: "Prints a container's state as the OCI runtime specification has it.",
  options: [],
  operands: [1, 1],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    const standing = await lookAt(lookContext(context), context.options.operands[0]!);
    print(`${JSON.stringify(describeState(standing), null, 2)}\n`);
    return 0;
  },
};
