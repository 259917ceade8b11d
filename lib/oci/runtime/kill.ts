import { Failure } from "../../failure.ts";
// Past its room's face, which brings the making of VMs along.
import { killContainer } from "../../pod/verbs/kill_container.ts";
import { isAlive, openIdentified, parseSignal, SIGNALS, waitForEnd } from "../../sys/mod.ts";
import type { LookContext } from "./context.ts";
import { lookAt } from "./state.ts";

/** How long a container may take to end after SIGKILL, in milliseconds. */
const KILL_TIME = 5000;

/**
 * Signals a container.
 *
 * @param signal name or number
 * @param all every process of it
 * @returns whether it was killed and who would have it removed was killed before: the engine takes it to be gone
 * with this, so that removing it is the caller's part
 * @throws {Failure} when it is not running, in words that engines look for
 */
export async function killProcesses(
  context: LookContext,
  id: string,
  signal: string,
  all: boolean,
): Promise<{ abandoned: boolean }> {
  const number = parseSignal(signal);
  if (number === undefined) throw new Failure(`unknown signal ${JSON.stringify(signal)}`);
  const { record, status } = await lookAt(context, id);
  if (status === "stopped") {
    // Nobody of it is left: whoever wants all of them gone has that.
    if (all) return { abandoned: false };
    throw new Failure("container not running");
  }
  await killContainer(context.tools, record.pod, record.container, number, all);
  const { monitor, process } = record;
  if (number !== SIGNALS.KILL || monitor === null || isAlive(monitor)) return { abandoned: false };
  using shim = process ? openIdentified(process) : undefined;
  if (shim) await waitForEnd(shim, KILL_TIME);
  return { abandoned: true };
}
