import { createFromBundle, pauseContainer, resumeContainer } from "../../oci/runtime/mod.ts";
import type { Command, CommandContext } from "../command.ts";
import { engineContext } from "../engine_context.ts";
import { BUNDLE_OPTIONS, readBundleOptions } from "../engine_options.ts";
import { SignalRelay } from "../signal_relay.ts";

/** `podvisor create`. */
export const create: Command = {
  usage: "[options] ID",
  description:
    "Makes a container from an OCI bundle, for a container engine: in a VM of its own, or in that of its\n" +
    "sandbox. Its program runs when it is started.",
  options: BUNDLE_OPTIONS,
  operands: [1, 1],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    using relay = new SignalRelay();
    const id = context.options.operands[0]!;
    await createFromBundle(await engineContext(context), {
      id,
      ...readBundleOptions(context.options),
      signal: relay.abort,
    });
    return 0;
  },
};

/** `podvisor pause`. */
export const pause: Command = {
  usage: "ID",
  description: "Makes a running container stand still.",
  options: [],
  operands: [1, 1],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    await pauseContainer(await engineContext(context), context.options.operands[0]!);
    return 0;
  },
};

/** `podvisor resume`. */
export const resume: Command = {
  usage: "ID",
  description: "Lets a container go on that stands still.",
  options: [],
  operands: [1, 1],
  forEngines: () => true,
  async run(context: CommandContext): Promise<number> {
    await resumeContainer(await engineContext(context), context.options.operands[0]!);
    return 0;
  },
};
