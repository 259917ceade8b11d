import { Failure } from "../../failure.ts";
import { runBundle } from "../../oci/runtime/mod.ts";
import type { CommandContext } from "../command.ts";
import { engineContext } from "../engine_context.ts";
import { readBundleOptions } from "../engine_options.ts";
import { SignalRelay } from "../signal_relay.ts";

/** `podvisor run --bundle`: what `run` is to an OCI runtime. */
export async function runForEngine(context: CommandContext): Promise<number> {
  const { options } = context;
  const [id, ...rest] = options.operands;
  if (id === undefined || rest.length > 0) {
    throw new Failure("Cannot run the bundle: the container's id is needed, and nothing after it", {
      hint: "Usage: podvisor run --bundle DIR [options] ID",
    });
  }
  using relay = new SignalRelay();
  return await runBundle(await engineContext(context), {
    id,
    ...readBundleOptions(options),
    detach: options.flag("detach"),
    keep: options.flag("keep"),
    onStarted: (signal) => relay.sendTo(signal),
    signal: relay.abort,
  });
}
