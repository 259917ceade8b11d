import { badValue, type OptionSpec, type ParsedOptions } from "./options.ts";
import { parseSize } from "./size.ts";

/** What an option of `update` is in `linux.resources` (runtime-spec 1.1, config-linux.md, "Control groups"). */
interface LimitOption {
  name: string;
  /** Object and key. */
  key: readonly [string, string];
  form: "number" | "size" | "text";
  help: string;
}

const LIMITS: readonly LimitOption[] = [
  { name: "blkio-weight", key: ["blockIO", "weight"], form: "number", help: "Weight, 10 to 1000" },
  { name: "cpu-period", key: ["cpu", "period"], form: "number", help: "Period, in microseconds" },
  { name: "cpu-quota", key: ["cpu", "quota"], form: "number", help: "Processor time in a period" },
  { name: "cpu-burst", key: ["cpu", "burst"], form: "number", help: "Time saved for later" },
  { name: "cpu-share", key: ["cpu", "shares"], form: "number", help: "Weight against others" },
  { name: "cpu-rt-period", key: ["cpu", "realtimePeriod"], form: "number", help: "Warned of" },
  { name: "cpu-rt-runtime", key: ["cpu", "realtimeRuntime"], form: "number", help: "Warned of" },
  { name: "cpu-idle", key: ["cpu", "idle"], form: "number", help: "1: only idle processors" },
  { name: "cpuset-cpus", key: ["cpu", "cpus"], form: "text", help: "Processors to use: 0-1,3" },
  { name: "cpuset-mems", key: ["cpu", "mems"], form: "text", help: "Memory nodes to use" },
  { name: "memory", key: ["memory", "limit"], form: "size", help: "Memory" },
  { name: "memory-reservation", key: ["memory", "reservation"], form: "size", help: "Kept for it" },
  { name: "memory-swap", key: ["memory", "swap"], form: "size", help: "Memory and swap together" },
  { name: "kernel-memory", key: ["memory", "kernel"], form: "size", help: "Warned of" },
  { name: "kernel-memory-tcp", key: ["memory", "kernelTCP"], form: "size", help: "Warned of" },
  { name: "pids-limit", key: ["pids", "limit"], form: "number", help: "Processes and threads" },
];

/** The options of runc's `update` that say limits; -1 lifts one. */
export const ENGINE_LIMIT_OPTIONS: readonly OptionSpec[] = LIMITS.map(({ name, form, help }) => ({
  name,
  kind: "value",
  placeholder: { number: "N", size: "SIZE", text: "LIST" }[form],
  help,
}));

/**
 * Reads {@linkcode ENGINE_LIMIT_OPTIONS}.
 *
 * @returns them as `linux.resources`, in JSON; nothing when none was given
 * @throws {Failure} naming a value that will not do
 */
export function readEngineLimits(options: ParsedOptions): string | undefined {
  const resources: Record<string, Record<string, number | string>> = {};
  for (const { name, key: [object, key], form } of LIMITS) {
    const text = options.value(name);
    if (text === undefined) continue;
    (resources[object] ??= {})[key] = form === "text" ? text : readNumber(name, text, form);
  }
  return Object.keys(resources).length === 0 ? undefined : JSON.stringify(resources);
}

function readNumber(name: string, text: string, form: "number" | "size"): number {
  if (text === "-1") return -1;
  if (form === "size") return parseSize(name, text);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw badValue(name, text, "a whole number or -1 is needed");
}
