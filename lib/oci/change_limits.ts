import type { ContainerLimits } from "../agent/mod.ts";
import { Failure, messageOf } from "../failure.ts";
import { limitFilesOf, quotaPeriod } from "./resources.ts";
import type { SpecResources } from "./spec.ts";
import { checkSupport } from "./support.ts";

/**
 * Reads new limits, in the form that engines give them to `update` (runtime-spec 1.1, config-linux.md, "Control
 * groups"): what is absent, null or 0 stays as it is. What cannot be honoured is warned of, see `support.ts`; rules
 * about devices are for a container's making alone.
 *
 * @returns what they make of those that hold; a negative one lifts the limit
 * @throws {Failure} when the text is no JSON object, or asks for what no control group can be told
 */
export function readLimitChange(text: string): (now: ContainerLimits) => ContainerLimits {
  const resources = parseResources(text);
  checkSupport({ linux: { resources } });
  const { memory: { limit, ...swap } = {}, cpu = {}, pids = {} } = resources;
  return (now) => {
    const memory = chosen(limit, now.memory);
    const quota = chosen(cpu.quota, now.cpu.quota);
    const files = {
      ...now.files,
      ...limitFilesOf({ ...resources, memory: { ...swap, limit: memory } }),
    };
    return {
      ...now,
      memory,
      pids: chosen(pids.limit, now.pids),
      cpu: {
        ...now.cpu,
        shares: chosen(cpu.shares, now.cpu.shares),
        quota,
        period: quotaPeriod(quota, chosen(cpu.period, now.cpu.period)),
        ...(cpu.cpus ? { set: cpu.cpus } : {}),
      },
      ...(Object.keys(files).length === 0 ? {} : { files }),
    };
  };
}

function parseResources(text: string): SpecResources {
  const failed = (why: string, cause?: unknown) =>
    new Failure(`Cannot read the new limits: ${why}`, { cause });
  let parsed: unknown;
  try {
    // Engines write null for what they say nothing about.
    parsed = JSON.parse(text, (_, value) => value ?? undefined);
  } catch (cause) {
    throw failed(messageOf(cause), cause);
  }
  if (typeof parsed === "object" && !Array.isArray(parsed)) return parsed as SpecResources;
  throw failed("they are no JSON object");
}

function chosen(wanted: number | undefined, now: number): number {
  if (!wanted) return now;
  return Math.max(wanted, 0);
}
