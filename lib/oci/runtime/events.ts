import type { CgroupCounters } from "../../hyperstart/mod.ts";
import { Failure } from "../../failure.ts";
import { containerCounters } from "../../pod/mod.ts";
import type { RuntimeContext } from "./context.ts";
import { lookAt } from "./state.ts";

/** Nanoseconds in a microsecond: the kernel counts in the latter, runc tells the former. */
const MICROSECOND = 1000;
/** What runc tells of a limit that there is not. */
const UNLIMITED = 0;

/** An event of a container, in the shape of runc's `types.Event`. */
export type RuntimeEvent =
  | { type: "stats"; id: string; data: unknown }
  | { type: "oom"; id: string };

/** What there is to tell of a container at one time. */
export interface Figures {
  stats: RuntimeEvent;
  /** How many of its processes the guest has killed for lack of memory so far. */
  kills: number;
}

/** What a container has used. @throws {Failure} when it is not running */
export async function figuresOf(context: RuntimeContext, id: string): Promise<Figures> {
  const { record, status } = await lookAt(context, id);
  if (status !== "running") throw new Failure("container not running");
  const counters = await containerCounters(context.tools, record.pod, record.container);
  return {
    stats: { type: "stats", id, data: runcStats(counters) },
    kills: pairs(counters["memory.events"]).oom_kill ?? 0,
  };
}

/** Counters of a cgroup (version 2) in the shape of runc's `types.Stats`; what the kernel does not count is zero. */
export function runcStats(counters: CgroupCounters): unknown {
  const cpu = pairs(counters["cpu.stat"]);
  const memory = pairs(counters["memory.stat"]);
  const events = pairs(counters["memory.events"]);
  const usage = number(counters["memory.current"]);
  const swap = number(counters["memory.swap.current"]);
  const limit = number(counters["memory.max"]);
  const nanoseconds = (key: string) => (cpu[key] ?? 0) * MICROSECOND;
  return {
    cpu: {
      usage: {
        total: nanoseconds("usage_usec"),
        kernel: nanoseconds("system_usec"),
        user: nanoseconds("user_usec"),
      },
      throttling: {
        periods: cpu.nr_periods ?? 0,
        throttledPeriods: cpu.nr_throttled ?? 0,
        throttledTime: nanoseconds("throttled_usec"),
      },
    },
    memory: {
      cache: memory.file ?? 0,
      usage: {
        limit,
        usage,
        max: number(counters["memory.peak"]) || usage,
        failcnt: events.max ?? 0,
      },
      swap: { limit, usage: usage + swap, max: 0, failcnt: 0 },
      kernel: { limit: 0, usage: memory.kernel ?? 0, max: 0, failcnt: 0 },
      kernelTCP: { limit: 0, usage: memory.sock ?? 0, max: 0, failcnt: 0 },
      raw: memory,
    },
    pids: {
      current: number(counters["pids.current"]),
      limit: number(counters["pids.max"]),
    },
    blkio: { ioServiceBytesRecursive: ioBytes(counters["io.stat"]) },
  };
}

/** The value of a file that holds one number, or `max`. */
function number(text = ""): number {
  return /^\d+\s*$/.test(text) ? Number(text) : UNLIMITED;
}

/** The lines `key number` of a file. */
function pairs(text = ""): Record<string, number> {
  const found = text.matchAll(/^([a-z_0-9]+) (\d+)$/gm);
  return Object.fromEntries([...found].map(([, key, value]) => [key!, Number(value)]));
}

/** Lines such as `254:0 rbytes=4096 wbytes=0 …`. */
function ioBytes(text = ""): { major: number; minor: number; op: string; value: number }[] {
  const lines = text.matchAll(/^(\d+):(\d+) rbytes=(\d+) wbytes=(\d+)/gm);
  return [...lines].flatMap(([, major, minor, read, write]) => {
    const device = { major: Number(major), minor: Number(minor) };
    return [
      { ...device, op: "Read", value: Number(read) },
      { ...device, op: "Write", value: Number(write) },
    ];
  });
}
