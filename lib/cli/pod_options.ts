import {
  type Config,
  MAX_MEMORY_MIB,
  MAX_SPARES,
  MAX_VCPUS,
  MIN_MEMORY_MIB,
  TEMPLATE_USES,
  type TemplateUse,
} from "../config/mod.ts";
import { Failure } from "../failure.ts";
import type { PodConfig } from "../pod/mod.ts";
import { KIND_OPTIONS, readKinds } from "./kind_options.ts";
import { NETWORK_OPTIONS, readNameServers, readNetwork } from "./network_options.ts";
import { badValue, type OptionSpec, type ParsedOptions } from "./options.ts";
import { parseSize } from "./size.ts";

/** The most processors that a VM can have. */
export const MAX_CPUS = MAX_VCPUS;

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
    help: "Memory of the VM, such as 512M or 2G. Default: 512M",
  },
  { name: "cpus", kind: "value", placeholder: "N", help: "Processors of the VM. Default: 1" },
  {
    name: "max-cpus",
    kind: "value",
    placeholder: "N",
    help: "Processors that it can grow to. Default: the host's, 8 at least",
  },
  { name: "kernel", kind: "value", placeholder: "FILE", help: "Kernel to boot" },
  {
    name: "share",
    kind: "value",
    placeholder: "9p|virtiofs",
    help: "How files are shared with the VM. Default: 9p",
  },
  { name: "no-template", kind: "flag", help: "Boot the VM, and leave no template of it" },
  ...NETWORK_OPTIONS,
  ...KIND_OPTIONS,
];

/**
 * Reads {@linkcode POD_OPTIONS}.
 *
 * @param hostname the pod's host name, unless the options give one
 * @param config what holds for options that are not given
 * @throws {Failure} naming a value that will not do
 */
export async function readPodOptions(
  options: ParsedOptions,
  hostname: string,
  config: Config,
): Promise<PodConfig> {
  const dns = await readNameServers(options);
  return {
    hostname: options.value("hostname") ?? hostname,
    memoryMiB: readMemory(options) ?? config.get("memory_mib"),
    ...readProcessors(options, config),
    network: await readNetwork(options, config.get("network")),
    ...dns ? { dns } : {},
    share: options.choice("share", ["9p", "virtiofs"]) ?? config.get("share"),
    template: readTemplateUse(options, config),
    ...readSpares(config),
    ...readKinds(options, config),
  };
}

/** @throws {Failure} when there are to be more than there can be */
function readProcessors(options: ParsedOptions, config: Config) {
  const vcpus = options.integer("cpus", 1, MAX_CPUS) ?? config.get("vcpus");
  const maxVcpus = options.integer("max-cpus", 0, MAX_CPUS) ?? config.get("max_vcpus");
  if (maxVcpus === 0) return { vcpus };
  if (vcpus <= maxVcpus) return { vcpus, maxVcpus };
  throw new Failure(`Cannot give the VM ${vcpus} processors: ${maxVcpus} are the most`, {
    hint: "Say more with --max-cpus, or as max_vcpus in the configuration",
  });
}

/** `PODVISOR_TEMPLATE` goes before configuration files, as other variables do. */
function readTemplateUse(options: ParsedOptions, config: Config): TemplateUse {
  if (options.flag("no-template")) return "off";
  const said = Deno.env.get("PODVISOR_TEMPLATE");
  if (said === undefined || said === "") return config.get("template");
  const use = TEMPLATE_USES.find((each) => each === said);
  if (use) return use;
  throw new Failure(
    `Cannot use PODVISOR_TEMPLATE=${said}: it is one of ${TEMPLATE_USES.join(", ")}`,
  );
}

/** `PODVISOR_SPARES` goes before configuration files. */
function readSpares(config: Config): Pick<PodConfig, "spares"> {
  const said = Deno.env.get("PODVISOR_SPARES") ?? "";
  const count = said === "" ? config.get("spares") : /^\d+$/.test(said) ? Number(said) : NaN;
  if (!(count <= MAX_SPARES)) {
    throw new Failure(
      `Cannot use PODVISOR_SPARES=${said}: a whole number from 0 to ${MAX_SPARES} is needed`,
    );
  }
  return count === 0 ? {} : { spares: { count, seconds: config.get("spare_time") } };
}

/** The memory that a VM is to have, in MiB, if it was said. @throws {Failure} when it will not do */
export function readMemory(options: ParsedOptions): number | undefined {
  const text = options.value("memory");
  if (text === undefined) return undefined;
  const mebibytes = Math.ceil(parseSize("memory", text) / 2 ** 20);
  if (mebibytes < MIN_MEMORY_MIB || mebibytes > MAX_MEMORY_MIB) {
    throw badValue("memory", text, `a VM has from ${MIN_MEMORY_MIB}M to ${MAX_MEMORY_MIB}M`);
  }
  return mebibytes;
}
