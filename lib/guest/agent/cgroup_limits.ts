import type { Complete, Constraints } from "../../hyperstart/mod.ts";
import { SysError } from "../../sys/mod.ts";
import { exists, writeFile } from "./guest_files.ts";
import { Refusal } from "./runtime.ts";

/** Limits as the parsers return them. */
export type Limits = Complete<Constraints>;

/** Microseconds; what the kernel takes when a quota is given alone. */
const DEFAULT_PERIOD = 100_000;
const DEFAULT_WEIGHT = 100;

/** One file of a cgroup's: which controller it belongs to, and what goes into it. */
export interface LimitFile {
  controller: string;
  name: string;
  value: string;
  /** Whether anything is limited by it. */
  limits: boolean;
}

/** The files of a cgroup (version 2, Documentation/admin-guide/cgroup-v2.rst) for these limits. */
export function limitFiles(limits: Limits): LimitFile[] {
  const { CPUQuota, CPUPeriod, CPUShares, CPUSet, MemoryLimit, PidsLimit } = limits;
  const amount = (value: number) => value > 0 ? String(value) : "max";
  return [
    {
      controller: "cpu",
      name: "cpu.weight",
      value: String(CPUShares > 0 ? cpuWeight(CPUShares) : DEFAULT_WEIGHT),
      limits: CPUShares > 0,
    },
    {
      controller: "cpu",
      name: "cpu.max",
      value: `${amount(CPUQuota)} ${CPUPeriod || DEFAULT_PERIOD}`,
      limits: CPUQuota > 0 || CPUPeriod > 0,
    },
    {
      controller: "memory",
      name: "memory.max",
      value: amount(MemoryLimit),
      limits: MemoryLimit > 0,
    },
    { controller: "pids", name: "pids.max", value: amount(PidsLimit), limits: PidsLimit > 0 },
    { controller: "cpuset", name: "cpuset.cpus", value: `${CPUSet}\n`, limits: CPUSet !== "" },
  ];
}

/**
 * Limits a cgroup.
 *
 * @param fresh whether it has no limits yet; otherwise those are lifted that it is to have no more
 * @param parent directory of the cgroup above, which hands the controllers down
 * @param warnings takes what this kernel does not limit
 * @throws {Refusal} naming the limit that the kernel refuses
 */
export function applyLimits(
  parent: string,
  path: string,
  limits: Limits,
  { fresh = false, warnings = [] }: { fresh?: boolean; warnings?: string[] } = {},
): void {
  for (const { controller, name, value, limits: limited } of limitFiles(limits)) {
    if (fresh && !limited) continue;
    const file = `${path}/${name}`;
    if (!exists(file)) {
      if (!limited) continue;
      write(`${parent}/cgroup.subtree_control`, `+${controller}`);
    }
    write(file, value);
  }
  for (const [name, value] of Object.entries(limits.files)) {
    if (name.includes("/")) throw new Refusal(`Cannot limit the container: ${name} is no file`);
    const file = `${path}/${name}`;
    if (!exists(file)) handDown(parent, name.slice(0, name.indexOf(".")));
    if (exists(file)) write(file, value);
    else warnings.push(`no limit of the VM's kernel is called ${name}`);
  }
}

/** A controller that the kernel does not have is found out by its files. */
function handDown(parent: string, controller: string): void {
  try {
    writeFile(`${parent}/cgroup.subtree_control`, `+${controller}`);
  } catch (error) {
    if (!(error instanceof SysError)) throw error;
  }
}

function write(file: string, value: string): void {
  try {
    writeFile(file, value);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refusal(`Cannot limit the container: ${value.trim()} for ${reason}`);
  }
}

/** Shares of version 1, 2 to 262144, as a weight of version 2, 1 to 10000: the mapping that runc and systemd use. */
export function cpuWeight(shares: number): number {
  const bounded = Math.min(Math.max(shares, 2), 262144);
  return 1 + Math.floor((bounded - 2) * 9999 / 262142);
}
