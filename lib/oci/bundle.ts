import { isAbsolute, join, resolve } from "@std/path";
import type { CapabilityLists, Command, ContainerLimits, ResourceLimit } from "../agent/mod.ts";
import { Failure, messageOf } from "../failure.ts";
import { getLogger } from "../log.ts";
import type { ContainerConfig, VolumeConfig } from "../pod/mod.ts";
import { isMemoryMount, memoryMountOf, shmSizeOf } from "./memory_mounts.ts";

/** A bundle's container, and what of it concerns the pod. */
export interface Bundle {
  container: ContainerConfig;
  hostname: string | undefined;
}

/** The parts of config.json in use (runtime-spec 1.1, config.md); every key may be absent. */
interface Spec {
  ociVersion?: string;
  process?: SpecProcess;
  root?: { path?: string; readonly?: boolean };
  hostname?: string;
  mounts?: SpecMount[];
  linux?: { resources?: SpecResources };
}

interface SpecResources {
  cpu?: { shares?: number; quota?: number; period?: number; cpus?: string };
  memory?: { limit?: number };
  pids?: { limit?: number };
}

interface SpecProcess {
  terminal?: boolean;
  consoleSize?: { height?: number; width?: number };
  user?: { uid?: number; gid?: number; additionalGids?: number[] };
  args?: string[];
  env?: string[];
  cwd?: string;
  capabilities?: Partial<CapabilityLists>;
  rlimits?: { type: string; hard: number; soft: number }[];
  noNewPrivileges?: boolean;
}

/** A mount of config.json; every key may be absent. */
export interface SpecMount {
  destination?: string;
  type?: string;
  source?: string;
  options?: string[];
}

/** The guest makes these by itself. */
const GUEST_MOUNTS = ["/proc", "/sys", "/dev"];
/** Microseconds. */
const DEFAULT_PERIOD = 100_000;

/** Whether a directory is an OCI bundle. */
export async function isBundle(directory: string): Promise<boolean> {
  try {
    return (await Deno.stat(join(directory, "config.json"))).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Reads an OCI bundle.
 *
 * @throws {Failure} when config.json cannot be read, or lacks what a container must have
 */
export async function readBundle(directory: string): Promise<Bundle> {
  const path = join(directory, "config.json");
  const spec = await readSpec(path);
  const process = spec.process ?? {};
  if (spec.root?.path === undefined) throw lacking(path, "root.path");
  if (!process.args || process.args.length === 0) throw lacking(path, "process.args");
  const mounts = spec.mounts ?? [];
  return {
    hostname: spec.hostname,
    container: {
      root: { kind: "directory", path: resolve(directory, spec.root.path) },
      interactive: false,
      readOnlyRoot: spec.root.readonly ?? false,
      command: commandOf(process, process.args),
      volumes: mounts.flatMap((mount) => volumeOf(directory, mount)),
      devices: [],
      blockDriver: "virtio-scsi",
      memoryMounts: mounts.filter(isMemoryMount).map(memoryMountOf),
      ...limitsOf(spec.linux?.resources ?? {}),
      shmSize: shmSizeOf(mounts),
    },
  };
}

/**
 * Reads a process on its own, as engines hand it to `exec` (runtime-spec 1.1, config.md, "Process").
 *
 * @throws {Failure} when the file cannot be read, or says nothing to run
 */
export async function readProcess(path: string): Promise<Command> {
  let process: SpecProcess;
  try {
    process = JSON.parse(await Deno.readTextFile(path));
  } catch (cause) {
    throw new Failure(`Cannot read the process in ${path}: ${messageOf(cause)}`, { cause });
  }
  if (!process.args || process.args.length === 0) throw lacking(path, "args");
  return commandOf(process, process.args);
}

/** Limits that are negative are none. A quota without a period has the kernel's own. */
function limitsOf({ cpu = {}, memory = {}, pids = {} }: SpecResources): ContainerLimits {
  const { quota = 0, period = 0, shares = 0, cpus = "" } = cpu;
  const limited = Math.max(quota, 0);
  return {
    cpu: {
      quota: limited,
      period: limited > 0 && period === 0 ? DEFAULT_PERIOD : period,
      shares,
      ...(cpus === "" ? {} : { set: cpus }),
    },
    memory: Math.max(memory.limit ?? 0, 0),
    pids: Math.max(pids.limit ?? 0, 0),
  };
}

function commandOf(process: SpecProcess, args: string[]): Command {
  const user = process.user ?? {};
  const { height, width } = process.consoleSize ?? {};
  return {
    args,
    env: (process.env ?? []).map(parseEnv),
    cwd: process.cwd ?? "/",
    user: String(user.uid ?? 0),
    group: String(user.gid ?? 0),
    additionalGroups: (user.additionalGids ?? []).map(String),
    terminal: process.terminal ?? false,
    size: height && width ? { rows: height, columns: width } : null,
    capabilities: process.capabilities ? completeLists(process.capabilities) : null,
    noNewPrivileges: process.noNewPrivileges ?? false,
    limits: (process.rlimits ?? []).map(({ type, hard, soft }): ResourceLimit => ({
      type,
      hard,
      soft,
    })),
  };
}

/** Splits `NAME=VALUE` at its first equals sign; the value may hold more. */
export function parseEnv(text: string): { env: string; value: string } {
  const at = text.indexOf("=");
  return at < 0 ? { env: text, value: "" } : { env: text.slice(0, at), value: text.slice(at + 1) };
}

function completeLists(given: Partial<CapabilityLists>): CapabilityLists {
  return {
    bounding: given.bounding ?? [],
    effective: given.effective ?? [],
    inheritable: given.inheritable ?? [],
    permitted: given.permitted ?? [],
    ambient: given.ambient ?? [],
  };
}

function volumeOf(directory: string, mount: SpecMount): VolumeConfig[] {
  const { destination = "", type = "", source = "", options = [] } = mount;
  const bind = type === "bind" || options.includes("bind") || options.includes("rbind");
  const guestMakesIt = GUEST_MOUNTS.some((each) =>
    destination === each || destination.startsWith(`${each}/`)
  );
  if (bind && !guestMakesIt) {
    return [{
      source: isAbsolute(source) ? source : resolve(directory, source),
      destination,
      readOnly: options.includes("ro"),
    }];
  }
  if (!isMemoryMount(mount) && (bind || !guestMakesIt)) {
    getLogger("oci").warn("mount left out: it is not supported yet", { destination, type });
  }
  return [];
}

async function readSpec(path: string): Promise<Spec> {
  try {
    return JSON.parse(await Deno.readTextFile(path));
  } catch (cause) {
    throw new Failure(`Cannot read the bundle's ${path}: ${messageOf(cause)}`, { cause });
  }
}

function lacking(path: string, key: string): Failure {
  return new Failure(`Cannot use the bundle's ${path}: it has no ${key}`);
}
