// Past the room's face, which brings the making of VMs along: engines call this for each container.
import { deleteContainer } from "../../oci/runtime/delete.ts";
import type { Command, CommandContext } from "../command.ts";
import { verbContext } from "../verb_context.ts";

/** `podvisor delete`. */
export const remove: Command = {
  usage: "[options] ID",
  description: "Removes a container that has stopped, and its VM when that was made for it.",
  options: [{ name: "force", short: "f", kind: "flag", help: "Also one that is running" }],
  operands: [1, 1],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    const { options } = context;
    await deleteContainer(
      verbContext(context),
      options.operands[0]!,
      options.flag("force"),
    );
    return 0;
  },
};
