import { isAbsolute, resolve } from "@std/path";
import type { Command } from "../agent/mod.ts";
import { Failure } from "../failure.ts";
import { isBundle, parseEnv, readBundle } from "../oci/mod.ts";
import {
  checkName,
  type ContainerConfig,
  makeName,
  type NetworkConfig,
  type PodConfig,
  type RootConfig,
  type VolumeConfig,
} from "../pod/mod.ts";
import { badValue, type ParsedOptions } from "./options.ts";

/** What `podvisor run` was asked for. */
export interface RunRequest {
  name: string;
  pod: PodConfig;
  /** Where the root file system comes from; `builtin` is the one made from busybox. */
  root: RootConfig | "builtin";
  container: Omit<ContainerConfig, "root">;
  /** Whether the command reads this process's stdin. */
  interactive: boolean;
  /** Milliseconds until the command is killed. */
  timeout: number | undefined;
  json: boolean;
  console: boolean;
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DEFAULT_MEMORY_MIB = 512;
/** Below this the guest's own kernel and agent do not fit. */
const MIN_MEMORY_MIB = 160;
const MAX_MEMORY_MIB = 1 << 24;
const MAX_CPUS = 240;
const MAX_TIMEOUT_SECONDS = 2_000_000;

/**
 * Reads the options and operands of `podvisor run`.
 *
 * @throws {Failure} naming what is wrong with which of them
 */
export async function readRunRequest(options: ParsedOptions): Promise<RunRequest> {
  const [rootfs = "", ...args] = options.operands;
  const timeout = options.integer("timeout", 1, MAX_TIMEOUT_SECONDS);
  const name = checkName("pod", options.value("name") ?? makeName());
  const { root, container, hostname } = await readContainer(rootfs);
  changeCommand(container.command, args, options);
  if (container.command.args.length === 0) {
    throw new Failure(`Cannot run a command in ${rootfs}: none is given`, {
      hint: `Say what to run: podvisor run ${rootfs} COMMAND`,
    });
  }
  return {
    name,
    pod: {
      hostname: options.value("hostname") ?? hostname ?? name,
      memoryMiB: readMemory(options),
      vcpus: options.integer("cpus", 1, MAX_CPUS) ?? 1,
      network: readNetwork(options),
      kernel: readKernel(options),
    },
    root,
    container: {
      ...container,
      readOnlyRoot: container.readOnlyRoot || options.flag("read-only"),
      volumes: [...container.volumes, ...await readVolumes(options)],
    },
    interactive: options.flag("interactive"),
    timeout: timeout === undefined ? undefined : timeout * 1000,
    json: options.flag("json"),
    console: options.flag("console"),
  };
}

async function readContainer(
  rootfs: string,
): Promise<Pick<RunRequest, "root" | "container"> & { hostname: string | undefined }> {
  if (rootfs === "busybox") {
    return { root: "builtin", container: plainContainer(["sh"]), hostname: undefined };
  }
  const directory = resolve(rootfs);
  await checkDirectory(rootfs, directory);
  if (!await isBundle(directory)) {
    const root: RootConfig = { kind: "directory", path: directory };
    return { root, container: plainContainer([]), hostname: undefined };
  }
  const { container: { root, ...container }, hostname } = await readBundle(directory);
  return { root, container, hostname };
}

function plainContainer(args: string[]): RunRequest["container"] {
  return {
    readOnlyRoot: false,
    command: {
      args,
      env: [{ env: "PATH", value: DEFAULT_PATH }],
      cwd: "/",
      user: "",
      group: "",
      additionalGroups: [],
      terminal: false,
      size: null,
      capabilities: null,
      noNewPrivileges: false,
      limits: [],
    },
    volumes: [],
    cpu: { quota: 0, period: 0, shares: 0 },
    shmSize: 0,
  };
}

/** What the options say goes before what the bundle says. */
function changeCommand(command: Command, args: readonly string[], options: ParsedOptions): void {
  if (args.length > 0) command.args = [...args];
  if (options.flag("tty")) command.terminal = true;
  if (command.terminal) setEnv(command, "TERM", Deno.env.get("TERM") ?? "xterm", false);
  const user = options.value("user");
  if (user !== undefined) {
    const [, name = "", group = ""] = /^([^:]+)(?::([^:]+))?$/.exec(user) ??
      fail(badValue("user", user, "USER or USER:GROUP is needed"));
    command.user = name;
    command.group = group;
    command.additionalGroups = [];
  }
  const workdir = options.value("workdir");
  if (workdir !== undefined) {
    if (!isAbsolute(workdir)) {
      throw badValue("workdir", workdir, "an absolute path is needed");
    }
    command.cwd = workdir;
  }
  for (const text of options.list("env")) {
    const { env, value } = text.includes("=")
      ? parseEnv(text)
      : { env: text, value: Deno.env.get(text) };
    if (env === "") throw badValue("env", text, "NAME=VALUE is needed");
    if (value !== undefined) setEnv(command, env, value, true);
  }
}

function setEnv(command: Command, env: string, value: string, replace: boolean): void {
  const known = command.env.findIndex((each) => each.env === env);
  if (known < 0) command.env.push({ env, value });
  else if (replace) command.env[known] = { env, value };
}

function readMemory(options: ParsedOptions): number {
  const text = options.value("memory");
  if (text === undefined) return DEFAULT_MEMORY_MIB;
  const [, digits, unit = ""] = /^(\d+)([kKmMgG]?)[bB]?$/.exec(text) ??
    fail(badValue("memory", text, "a size such as 512M or 2G is needed"));
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

async function readVolumes(options: ParsedOptions): Promise<VolumeConfig[]> {
  const volumes: VolumeConfig[] = [];
  for (const text of options.list("volume")) {
    const [source = "", destination = "", mode = "rw", ...rest] = text.split(":");
    if (source === "" || !isAbsolute(destination) || rest.length > 0) {
      throw badValue("volume", text, "SRC:DST or SRC:DST:ro is needed, DST an absolute path");
    }
    if (mode !== "ro" && mode !== "rw") {
      throw badValue("volume", text, `${JSON.stringify(mode)} is neither ro nor rw`);
    }
    const path = resolve(source);
    if (!await exists(path)) throw badValue("volume", text, `there is no ${path}`);
    volumes.push({ source: path, destination, readOnly: mode === "ro" });
  }
  return volumes;
}

async function checkDirectory(rootfs: string, directory: string): Promise<void> {
  const info = await exists(directory);
  if (info?.isDirectory) return;
  const why = info ? "it is not a directory" : "there is no such directory";
  throw new Failure(`Cannot use ${JSON.stringify(rootfs)} as a root file system: ${why}`, {
    hint: "Name a directory with a root file system, an OCI bundle, or busybox",
  });
}

async function exists(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw error;
  }
}

function fail(error: Error): never {
  throw error;
}
