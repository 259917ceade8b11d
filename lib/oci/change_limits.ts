import type { ContainerLimits } from "../agent/mod.ts";
import { Failure, messageOf } from "../failure.ts";

/** New limits, in the form that engines give them to `update`; what is absent or 0 stays as it is. */
interface ChangedResources {
  memory?: { limit?: number | null } | null;
  cpu?: {
    shares?: number | null;
    quota?: number | null;
    period?: number | null;
    cpus?: string | null;
  } | null;
  pids?: { limit?: number | null } | null;
}

/**
 * Reads new limits (runtime-spec 1.1, config-linux.md, "Control groups").
 *
 * @returns what they make of those that hold; a negative one lifts the limit
 * @throws {Failure} when the text is no JSON object
 */
export function readLimitChange(text: string): (now: ContainerLimits) => ContainerLimits {
  let changed: ChangedResources;
  try {
    changed = JSON.parse(text);
  } catch (cause) {
    throw new Failure(`Cannot read the new limits: ${messageOf(cause)}`, { cause });
  }
  const { memory, cpu, pids } = changed;
  return (now) => ({
    ...now,
    memory: chosen(memory?.limit, now.memory),
    pids: chosen(pids?.limit, now.pids),
    cpu: {
      ...now.cpu,
      shares: chosen(cpu?.shares, now.cpu.shares),
      quota: chosen(cpu?.quota, now.cpu.quota),
      period: chosen(cpu?.period, now.cpu.period),
      ...(cpu?.cpus ? { set: cpu.cpus } : {}),
    },
  });
}

function chosen(wanted: number | null | undefined, now: number): number {
  if (!wanted) return now;
  return Math.max(wanted, 0);
}
