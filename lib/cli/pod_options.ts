import { resolve } from "@std/path";
import type { NetworkConfig, PodConfig } from "../pod/mod.ts";
import { badValue, type OptionSpec, type ParsedOptions } from "./options.ts";

const DEFAULT_MEMORY_MIB = 512;
/** Below this the guest's own kernel and agent do not fit. */
const MIN_MEMORY_MIB = 160;
const MAX_MEMORY_MIB = 1 << 24;
const MAX_CPUS = 240;

/** The options that say what a pod is to be. */
export const POD_OPTIONS: readonly OptionSpec[] = [
  {
    name: "hostname",
    kind: "value",
    placeholder: "NAME",
    help: "Host name. Default: the pod's name",
  },
  {
    name: "memory",
    short: "m",
    kind: "value",
    placeholder: "SIZE",
    help: `Memory of the VM, such as 512M or 2G. Default: ${DEFAULT_MEMORY_MIB}M`,
  },
  { name: "cpus", kind: "value", placeholder: "N", help: "Processors of the VM. Default: 1" },
  { name: "kernel", kind: "value", placeholder: "FILE", help: "Kernel to boot" },
  {
    name: "network",
    kind: "value",
    placeholder: "none|user",
    help: "none, or QEMU's user-mode network. Default: none",
  },
];

/**
 * Reads {@linkcode POD_OPTIONS}.
 *
 * @param hostname the pod's host name, unless the options give one
 * @throws {Failure} naming a value that will not do
 */
export function readPodOptions(options: ParsedOptions, hostname: string): PodConfig {
  return {
    hostname: options.value("hostname") ?? hostname,
    memoryMiB: readMemory(options),
    vcpus: options.integer("cpus", 1, MAX_CPUS) ?? 1,
    network: readNetwork(options),
    kernel: readKernel(options),
  };
}

function readMemory(options: ParsedOptions): number {
  const text = options.value("memory");
  if (text === undefined) return DEFAULT_MEMORY_MIB;
  const size = /^(\d+)([kKmMgG]?)[bB]?$/.exec(text);
  if (!size) throw badValue("memory", text, "a size such as 512M or 2G is needed");
  const [, digits, unit = ""] = size;
  const bytes = Number(digits) * { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[unit.toLowerCase()]!;
  const mebibytes = Math.ceil(bytes / 2 ** 20);
  if (mebibytes < MIN_MEMORY_MIB || mebibytes > MAX_MEMORY_MIB) {
    throw badValue("memory", text, `a VM has from ${MIN_MEMORY_MIB}M to ${MAX_MEMORY_MIB}M`);
  }
  return mebibytes;
}

function readNetwork(options: ParsedOptions): NetworkConfig {
  return { kind: options.choice("network", ["none", "user"]) ?? "none" };
}

function readKernel(options: ParsedOptions): string | null {
  const kernel = options.value("kernel");
  return kernel === undefined ? null : resolve(kernel);
}
