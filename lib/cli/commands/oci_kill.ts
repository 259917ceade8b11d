// Past the room's face, which brings the making of VMs along: engines call this for each container.
import { killProcesses } from "../../oci/runtime/kill.ts";
import type { Command, CommandContext } from "../command.ts";
import { lookContext } from "../look_context.ts";

/** `podvisor kill`. */
export const kill: Command = {
  usage: "[options] ID [SIGNAL]",
  description: "Signals a container's first process. Default: SIGTERM.",
  options: [{ name: "all", short: "a", kind: "flag", help: "Signal all of its processes" }],
  operands: [1, 2],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    const { options } = context;
    const [id, signal = "SIGTERM"] = options.operands;
    const all = options.flag("all");
    const { abandoned } = await killProcesses(lookContext(context), id!, signal, all);
    if (abandoned) {
      const { verbContext } = await import("../verb_context.ts");
      const { deleteContainer } = await import("../../oci/runtime/delete.ts");
      await deleteContainer(verbContext(context), id!, true);
    }
    return 0;
  },
};
