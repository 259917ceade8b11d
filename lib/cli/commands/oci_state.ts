// Past the rooms' faces, which bring the making of VMs along: engines ask for the state again and again.
import { describeState, lookAt } from "../../oci/runtime/state.ts";
import { RuntimeStore } from "../../oci/runtime/store.ts";
import { PodStore } from "../../pod/store.ts";
import type { Command, CommandContext } from "../command.ts";
import { print } from "../output.ts";

/** `podvisor state`. */
export const state: Command = {
  usage: "ID",
  description: "Prints a container's state as the OCI runtime specification has it.",
  options: [],
  operands: [1, 1],
  forEngines: () => true,
  async run({ paths, globals, options }: CommandContext): Promise<number> {
    const store = new RuntimeStore(globals.value("root") ?? paths.state);
    const tools = { store: new PodStore(paths.state) };
    const standing = await lookAt({ store, tools }, options.operands[0]!);
    print(`${JSON.stringify(describeState(standing), null, 2)}\n`);
    return 0;
  },
};
