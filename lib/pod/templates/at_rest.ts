import { Failure } from "../../failure.ts";
import { pause } from "../../sys/mod.ts";

/** Processor time out of so much time that one which does nothing may use at most, in milliseconds. */
const USE = 20, TIME = 200;
/** How many such times it may take to come to rest. */
const PATIENCE = 100;
/** Of proc(5), stat: a hundredth of a second on every Linux that Deno runs on. */
const TICK = 10;

/**
 * Waits until a VM does nothing any more.
 *
 * @param pid of its process
 * @throws {Failure} when it does not come to rest
 */
export async function atRest(pid: number): Promise<void> {
  let used = processorTime(pid);
  for (let look = 0; look < PATIENCE; look++) {
    await pause(TIME);
    const now = processorTime(pid);
    if (now - used <= USE) return;
    used = now;
  }
  throw new Failure("Cannot keep the VM for later: its guest does not come to rest");
}

/** Processor time that a process has used so far, in milliseconds (proc(5), stat). */
function processorTime(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}
