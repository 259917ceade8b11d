// Past the rooms' faces, which bring the making of VMs along: engines look again and again.
import type { LookContext } from "../oci/runtime/context.ts";
import { RuntimeStore } from "../oci/runtime/store.ts";
import { PodStore } from "../pod/store.ts";
import type { CommandContext } from "./command.ts";

/** What verbs work with that look at containers, and reach no further than their guests. */
export function lookContext({ paths, globals }: CommandContext): LookContext {
  return {
    store: new RuntimeStore(globals.value("root") ?? paths.state),
    tools: { store: new PodStore(paths.state) },
  };
}
