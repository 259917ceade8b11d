import type { ContainerLimits } from "../agent/mod.ts";
import { Failure } from "../failure.ts";
import type { SpecResources } from "./spec.ts";

/** Microseconds; what the kernel takes when a quota is given alone. */
const DEFAULT_PERIOD = 100_000;

/**
 * A container's limits, from `linux.resources`: what podvisor knows by name, and the rest as files of the guest's
 * control group. Limits that are negative are none.
 *
 * @throws {Failure} for what no control group can be told
 */
export function limitsOf(resources: SpecResources): ContainerLimits {
  const { cpu = {}, memory = {}, pids = {} } = resources;
  const { quota = 0, period = 0, shares = 0, cpus = "" } = cpu;
  const limited = Math.max(quota, 0);
  const files = limitFilesOf(resources);
  return {
    cpu: {
      quota: limited,
      period: quotaPeriod(limited, period),
      shares,
      ...(cpus === "" ? {} : { set: cpus }),
    },
    memory: Math.max(memory.limit ?? 0, 0),
    pids: Math.max(pids.limit ?? 0, 0),
    ...(Object.keys(files).length === 0 ? {} : { files }),
  };
}

/** The period of a quota, in microseconds: the kernel's own for a quota that is given alone. */
export function quotaPeriod(quota: number, period: number): number {
  return quota > 0 && period === 0 ? DEFAULT_PERIOD : period;
}

/**
 * What of `linux.resources` goes into files of a control group as it is.
 *
 * @throws {Failure} for what no control group can be told
 */
export function limitFilesOf(resources: SpecResources): Record<string, string> {
  const { cpu = {}, memory = {}, hugepageLimits = [], blockIO = {}, unified = {} } = resources;
  const files: Record<string, string> = {};
  if (memory.reservation && memory.reservation > 0) {
    files["memory.low"] = String(memory.reservation);
  }
  const swap = swapLimit(memory);
  if (swap !== undefined) files["memory.swap.max"] = swap;
  if (cpu.burst) files["cpu.max.burst"] = String(cpu.burst);
  if (cpu.idle !== undefined && cpu.idle !== 0) files["cpu.idle"] = String(cpu.idle);
  if (cpu.mems) files["cpuset.mems"] = cpu.mems;
  for (const { pageSize = "", limit = 0 } of hugepageLimits) {
    // What the schema's example calls "no limit".
    files[`hugetlb.${pageSize}.max`] = limit >= 2 ** 62 ? "max" : String(limit);
  }
  if (blockIO.weight) files["io.weight"] = String(ioWeight(blockIO.weight));
  for (const [name, value] of Object.entries(unified)) {
    if (!/^[a-z]+\.[A-Za-z0-9_.]+$/.test(name)) {
      throw new Failure(
        `Cannot use linux.resources.unified: ${JSON.stringify(name)} is no file of a control group`,
      );
    }
    files[name] = value;
  }
  return files;
}

/** Version 1, and the specification, count memory and swap together, version 2 swap alone. */
function swapLimit({ limit, swap }: NonNullable<SpecResources["memory"]>): string | undefined {
  if (swap === undefined || swap === 0) return undefined;
  if (swap < 0) return "max";
  if (limit === undefined || limit <= 0) {
    throw new Failure(
      "Cannot use linux.resources.memory: a limit of memory and swap needs one of memory",
    );
  }
  if (swap < limit) {
    throw new Failure(
      `Cannot use linux.resources.memory: swap, ${swap}, is less than limit, ${limit}`,
    );
  }
  return String(swap - limit);
}

/** Weights of version 1, 10 to 1000, as those of version 2, 1 to 10000: the mapping that runc uses. */
function ioWeight(weight: number): number {
  return 1 + Math.floor((Math.min(Math.max(weight, 10), 1000) - 10) * 9999 / 990);
}
