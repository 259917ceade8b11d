import { Failure } from "../../failure.ts";
import { killContainer } from "../../pod/mod.ts";
import { isAlive, openIdentified, parseSignal, SIGNALS, waitForEnd } from "../../sys/mod.ts";
import type { RuntimeContext } from "./context.ts";
import { deleteContainer } from "./delete.ts";
import { lookAt } from "./state.ts";

/** How long a container may take to end after SIGKILL, in milliseconds. */
const KILL_TIME = 5000;

/**
 * Signals a container.
 *
 * @param signal name or number
 * @param all every process of it
 * @throws {Failure} when it is not running, in words that engines look for
 */
export async function killProcesses(
  context: RuntimeContext,
  id: string,
  signal: string,
  all: boolean,
): Promise<void> {
  const number = parseSignal(signal);
  if (number === undefined) throw new Failure(`unknown signal ${JSON.stringify(signal)}`);
  const { record, status } = await lookAt(context, id);
  if (status === "stopped") {
    // Nobody of it is left: whoever wants all of them gone has that.
    if (all) return;
    throw new Failure("container not running");
  }
  await killContainer(context.tools, record.pod, record.container, number, all);
  const { monitor, process } = record;
  if (number !== SIGNALS.KILL || monitor === null || isAlive(monitor)) return;
  // Who would have it removed has been killed, and the engine takes it to be gone with this.
  using shim = process ? openIdentified(process) : undefined;
  if (shim) await waitForEnd(shim, KILL_TIME);
  await deleteContainer(context, id, true);
}
