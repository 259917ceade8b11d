import { isAbsolute, resolve } from "@std/path";
import type { Command } from "../agent/mod.ts";
import type { Config } from "../config/mod.ts";
import { Failure } from "../failure.ts";
// Past its room's face: most containers are no bundles.
import { isBundle } from "../oci/is_bundle.ts";
import { parseEnv } from "../oci/parse_env.ts";
import type { ContainerConfig, RootConfig } from "../pod/mod.ts";
// Past its room's face, which brings the shim along.
import { terminalSize } from "../shim/terminal.ts";
import { detectFileSystem, FILE_SYSTEMS, findBlockRoot } from "../storage/mod.ts";
import type { HookedBundle } from "./bundle_hooks.ts";
import { infoOf } from "./info_of.ts";
import { LIMIT_OPTIONS, NO_LIMITS, readLimits } from "./limit_options.ts";
import { badValue, type OptionSpec, type ParsedOptions } from "./options.ts";
import { isDisk, readStorage, STORAGE_OPTIONS } from "./storage_options.ts";
import { readVolumes } from "./volume_options.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The options that say how a command is run, in a new container or in one that is there. */
export const COMMAND_OPTIONS: readonly OptionSpec[] = [
  { name: "interactive", short: "i", kind: "flag", help: "Pass stdin on to the command" },
  { name: "tty", short: "t", kind: "flag", help: "Give the command a terminal" },
  {
    name: "env",
    short: "e",
    kind: "list",
    placeholder: "K=V",
    help: "Set an environment variable; K alone takes it from here",
  },
  { name: "workdir", short: "w", kind: "value", placeholder: "DIR", help: "Directory to start in" },
  {
    name: "user",
    short: "u",
    kind: "value",
    placeholder: "USER[:GROUP]",
    help: "User and group, names or numbers of the root file system",
  },
];

/** The options that say what a new container is to be. */
export const CONTAINER_OPTIONS: readonly OptionSpec[] = [
  ...COMMAND_OPTIONS,
  {
    name: "volume",
    short: "v",
    kind: "list",
    placeholder: "SRC:DST[:OPTIONS]",
    help: "Show the host's file or directory SRC at DST; options are ro, rslave",
  },
  { name: "read-only", kind: "flag", help: "Make the root file system read-only" },
  ...STORAGE_OPTIONS,
  ...LIMIT_OPTIONS,
];

/** A container as it was asked for. */
export interface ContainerRequest {
  /** Where the root file system comes from; `builtin` is the one made from busybox. */
  root: RootConfig | "builtin";
  container: Omit<ContainerConfig, "root">;
  /** Host name that its bundle wants. */
  hostname: string | undefined;
  /** The bundle that it comes from, if it does. */
  bundle?: HookedBundle;
}

/**
 * Reads {@linkcode CONTAINER_OPTIONS} and the operands `ROOTFS [COMMAND [ARG…]]`.
 *
 * @param config what holds for options that are not given
 * @throws {Failure} naming what is wrong with which of them
 */
export async function readContainerOptions(
  options: ParsedOptions,
  [rootfs = "", ...args]: readonly string[],
  config: Config,
): Promise<ContainerRequest> {
  const request = await readRoot(rootfs);
  const { container, hostname, bundle } = request;
  const root = config.get("block_root") === "plug" ? diskOf(request.root) : request.root;
  const { command } = container;
  if (args.length > 0) command.args = [...args];
  if (command.args.length === 0) {
    throw new Failure(`Cannot run a command in ${rootfs}: none is given`, {
      hint: `Say what to run after ${rootfs}`,
    });
  }
  changeCommand(command, options);
  return {
    root,
    hostname,
    ...(bundle ? { bundle } : {}),
    container: {
      ...container,
      interactive: options.flag("interactive"),
      readOnlyRoot: container.readOnlyRoot || options.flag("read-only"),
      volumes: [...container.volumes, ...await readVolumes(options.list("volume"))],
      ...await readStorage(options, container, config),
      ...readLimits(options, container),
    },
  };
}

async function readRoot(rootfs: string): Promise<ContainerRequest> {
  if (rootfs === "busybox") {
    return { root: "builtin", container: plainContainer(["sh"]), hostname: undefined };
  }
  const directory = resolve(rootfs);
  if (await isDisk(directory)) {
    const root = await readDiskRoot(rootfs, directory);
    return { root, container: plainContainer([]), hostname: undefined };
  }
  await checkDirectory(rootfs, directory);
  if (!isBundle(directory)) {
    const root: RootConfig = { kind: "directory", path: directory };
    return { root, container: plainContainer([]), hostname: undefined };
  }
  const { readBundle } = await import("../oci/mod.ts");
  const { container: { root, ...container }, hostname, ...bundle } = await readBundle(directory);
  return { root, container, hostname, bundle: { ...bundle, directory } };
}

/** A directory that is a whole disk goes into the VM as that. */
function diskOf(root: ContainerRequest["root"]): ContainerRequest["root"] {
  if (root === "builtin" || root.kind !== "directory") return root;
  const disk = findBlockRoot(Deno.realPathSync(root.path));
  return disk ? { kind: "device", ...disk } : root;
}

async function readDiskRoot(rootfs: string, path: string): Promise<RootConfig> {
  const fstype = await detectFileSystem(path);
  if (fstype !== undefined) return { kind: "device", path, fstype };
  throw new Failure(
    `Cannot use ${JSON.stringify(rootfs)} as a root file system: no file system is found on it`,
    { hint: `The guest can mount ${FILE_SYSTEMS.join(", ")}; partitions are not looked into` },
  );
}

/** A container with nothing of its own but its command. */
export function plainContainer(args: string[]): ContainerRequest["container"] {
  return {
    interactive: false,
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
    devices: [],
    blockDriver: "virtio-scsi",
    memoryMounts: [],
    ...NO_LIMITS,
    shmSize: 0,
  };
}

/** Changes a command as {@linkcode COMMAND_OPTIONS} say; what they say goes before what it says itself. */
export function changeCommand(command: Command, options: ParsedOptions): void {
  if (options.flag("tty")) command.terminal = true;
  if (command.terminal) {
    setEnv(command, "TERM", Deno.env.get("TERM") ?? "xterm", false);
    // The shim tells it too, and again when it changes: but a command may ask before that has come.
    command.size = terminalSize() ?? command.size;
  }
  const user = options.value("user");
  if (user !== undefined) {
    const parts = /^([^:]+)(?::([^:]+))?$/.exec(user);
    if (!parts) throw badValue("user", user, "USER or USER:GROUP is needed");
    const [, name = "", group = ""] = parts;
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

async function checkDirectory(rootfs: string, directory: string): Promise<void> {
  const info = await infoOf(directory);
  if (info?.isDirectory) return;
  const why = info ? "it is not a directory" : "there is no such directory";
  throw new Failure(`Cannot use ${JSON.stringify(rootfs)} as a root file system: ${why}`, {
    hint: "Name a directory or image file with a root file system, an OCI bundle, or busybox",
  });
}
