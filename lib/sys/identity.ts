import { openProcess, signalProcess } from "./process.ts";
import type { Fd } from "./fd.ts";

/** A process beyond the reuse of its number: pid, and start time in clock ticks since boot (proc(5), stat field 22). */
export interface ProcessIdentity {
  pid: number;
  startTime: number;
}

/** Who a process is; nothing when it is not there, or only a zombie. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  // The second field is the program's name in parentheses, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state] = fields;
  if (state === "Z" || state === "X") return undefined;
  return { pid, startTime: Number(fields[19]) };
}

/** Whether that very process is still running. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identifyProcess(identity.pid)?.startTime === identity.startTime;
}

/** A descriptor of that very process, or nothing when it has ended. */
export function openIdentified(identity: ProcessIdentity): Fd | undefined {
  const fd = openProcess(identity.pid);
  if (fd && isAlive(identity)) return fd;
  fd?.close();
  return undefined;
}

/** Signals that very process. @returns whether it was there */
export function signalIdentified(identity: ProcessIdentity, signal: number): boolean {
  return isAlive(identity) && signalProcess(identity.pid, signal);
}

/** Reading from /proc fails with ESRCH when the process goes away meanwhile. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Error && /No such process/.test(error.message);
}
