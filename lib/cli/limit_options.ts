import type { ContainerLimits } from "../agent/mod.ts";
import { badValue, type OptionSpec, type ParsedOptions } from "./options.ts";
import { readSize } from "./size.ts";

/** Microseconds; what the kernel takes when a quota is given alone. */
const DEFAULT_PERIOD = 100_000;
/** What the kernel takes (Documentation/scheduler/sched-bwc.rst), in microseconds. */
const MIN_QUOTA = 1000, MAX_QUOTA = 2 ** 40, MIN_PERIOD = 1000, MAX_PERIOD = 1_000_000;
const MIN_SHARES = 2, MAX_SHARES = 262_144;
/** Below this no process starts. */
const MIN_MEMORY = 2 ** 20;
const MAX_PIDS = 4_194_304;

/** The options that limit what a container uses, of the VM's processors and memory. */
export const LIMIT_OPTIONS: readonly OptionSpec[] = [
  {
    name: "cpu-shares",
    kind: "value",
    placeholder: "N",
    help: "Weight against the pod's other containers, 2 to 262144; 1024 is usual",
  },
  {
    name: "cpu-quota",
    kind: "value",
    placeholder: "US",
    help: "Microseconds of processor time in each period",
  },
  {
    name: "cpu-period",
    kind: "value",
    placeholder: "US",
    help: `Length of the period. Default: ${DEFAULT_PERIOD}`,
  },
  { name: "cpuset-cpus", kind: "value", placeholder: "LIST", help: "Processors to use: 0-1,3" },
  {
    name: "memory-limit",
    kind: "value",
    placeholder: "SIZE",
    help: "The most memory that it may use, such as 64M",
  },
  { name: "pids-limit", kind: "value", placeholder: "N", help: "The most processes and threads" },
];

/** No limits. */
export const NO_LIMITS: Readonly<ContainerLimits> = {
  cpu: { quota: 0, period: 0, shares: 0 },
  memory: 0,
  pids: 0,
};

/**
 * Reads {@linkcode LIMIT_OPTIONS}.
 *
 * @param before limits that hold where the options say nothing
 * @throws {Failure} naming a value that will not do
 */
export function readLimits(options: ParsedOptions, before: ContainerLimits): ContainerLimits {
  const { cpu } = before;
  const set = readSet(options) ?? cpu.set;
  const quota = options.integer("cpu-quota", MIN_QUOTA, MAX_QUOTA) ?? cpu.quota;
  const period = options.integer("cpu-period", MIN_PERIOD, MAX_PERIOD) ?? cpu.period;
  return {
    cpu: {
      quota,
      period: quota !== 0 && period === 0 ? DEFAULT_PERIOD : period,
      shares: options.integer("cpu-shares", MIN_SHARES, MAX_SHARES) ?? cpu.shares,
      ...(set === undefined ? {} : { set }),
    },
    memory: readMemory(options) ?? before.memory,
    pids: options.integer("pids-limit", 1, MAX_PIDS) ?? before.pids,
  };
}

/** Whether any of {@linkcode LIMIT_OPTIONS} was given. */
export function hasLimits(options: ParsedOptions): boolean {
  return LIMIT_OPTIONS.some(({ name }) => options.value(name) !== undefined);
}

function readSet(options: ParsedOptions): string | undefined {
  const text = options.value("cpuset-cpus");
  if (text === undefined || /^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/.test(text)) return text;
  throw badValue("cpuset-cpus", text, "a list such as 0-1,3 is needed");
}

function readMemory(options: ParsedOptions): number | undefined {
  const bytes = readSize(options, "memory-limit");
  if (bytes === undefined || bytes >= MIN_MEMORY) return bytes;
  throw badValue("memory-limit", options.value("memory-limit")!, "at least 1M is needed");
}
