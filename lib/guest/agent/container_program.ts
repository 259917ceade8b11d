import {
  AT_FDCWD,
  ChildProgram,
  cString,
  MOUNT,
  MOUNT_NODEV,
  MOUNT_NOEXEC,
  MOUNT_NOSUID,
  MOUNT_RDONLY,
  mountAttributes,
  O_CLOEXEC,
  O_PATH,
  O_TRUNC,
  O_WRONLY,
  openHow,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  type Result,
  SYS,
} from "../../sys/mod.ts";
import { becomeProcess, joinCgroup, PRIVATE, type ProcessPlan } from "./process_program.ts";

/** A mount made beforehand, to be attached in the container. */
export interface PlannedMount {
  tree: number;
  /** Absolute path in the container. Links on the way are followed, within the container. */
  path: string;
  kind: "directory" | "file";
  /** Whether the path may have to be made. */
  make: boolean;
}

/** Everything about a container that is known before it starts. */
export interface ContainerPlan {
  /** The root: a mount attached nowhere. */
  root: number;
  /** Root directory of its devpts, attached nowhere. */
  devpts: number;
  /** The guest's /dev, a mount attached nowhere, in place of one of its own. */
  dev: number | undefined;
  /** `cgroup.procs` of its cgroup, if there are cgroups. */
  procs: number | undefined;
  shmSize: number;
  /** Whether the kernel has POSIX message queues. */
  hasMqueue: boolean;
  mounts: readonly PlannedMount[];
  /** Paths of the kernel's file systems that are hidden. */
  masked: readonly { path: string; kind: "directory" | "file" }[];
  /** Paths of the kernel's file systems that become read-only. */
  readOnlyPaths: readonly string[];
  readOnlyRoot: boolean;
  sysctl: Readonly<Record<string, string>>;
  /** The working directory has to be made. */
  makeWorkdir: boolean;
  process: ProcessPlan;
}

const MOVE_EMPTY_FROM = 4, MOVE_EMPTY_TO = 0x40;
const S_IFREG = 0o100000, S_IFCHR = 0o20000;
const KERNEL = MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC;

/** Nodes of /dev that every container has: major and minor number. */
const NODES: readonly (readonly [string, number, number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

const LINKS: readonly (readonly [string, string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
];

/**
 * The calls that turn a child in new namespaces into a container's first process. The root is entered and the guest's
 * own tree let go of before anything in the container is looked up, so that no link in it can lead outside.
 */
export function containerProgram(plan: ContainerPlan): ChildProgram {
  const program = new ChildProgram();
  if (plan.procs !== undefined) joinCgroup(program, plan.procs, true);
  program.call("umask", "0", SYS.umask, 0);
  enterRoot(program, plan.root);
  mountProc(program, plan);
  mountDev(program, plan);
  for (const each of plan.mounts) attachPlanned(program, each);
  for (const [key, value] of Object.entries(plan.sysctl)) writeSysctl(program, key, value);
  for (const each of plan.masked) mask(program, each);
  for (const each of plan.readOnlyPaths) makeReadOnly(program, each);
  if (plan.makeWorkdir) makeDirectories(program, plan.process.workdir);
  if (plan.readOnlyRoot) setReadOnly(program, AT_FDCWD, "/");
  becomeProcess(program, plan.process);
  return program;
}

/** The mount of the root covers a directory that is out of sight a moment later. */
function enterRoot(program: ChildProgram, root: number): void {
  const here = program.keep(cString("."));
  program.call("mount", "/", SYS.mount, 0, cString("/"), 0, PRIVATE, 0);
  attach(program, root, AT_FDCWD, "/run");
  program.call("fchdir", "the root", SYS.fchdir, root);
  program.call("pivot_root", "the root", SYS.pivot_root, here, here);
  program.call("umount", "the old root", SYS.umount2, here, MOUNT.MNT_DETACH);
  program.call("chdir", "/", SYS.chdir, cString("/"));
}

function mountProc(program: ChildProgram, plan: ContainerPlan): void {
  attachHere(program, newMount(program, "proc", {}, KERNEL), "/proc");
  attachHere(program, newMount(program, "sysfs", {}, KERNEL | MOUNT_RDONLY), "/sys");
  if (plan.procs === undefined) return;
  const cgroups = newMount(program, "cgroup2", {}, KERNEL | MOUNT_RDONLY);
  attach(program, cgroups, AT_FDCWD, "/sys/fs/cgroup");
}

function mountDev(program: ChildProgram, plan: ContainerPlan): void {
  const own = { mode: "755", size: "65536k" };
  const dev = plan.dev ?? newMount(program, "tmpfs", own, MOUNT_NOSUID);
  attachHere(program, dev, "/dev");
  if (plan.dev === undefined) {
    for (const [name, major, minor] of NODES) makeNode(program, dev, name, S_IFCHR, major, minor);
  }
  // In the guest's /dev much of it is there.
  for (const [name, target] of LINKS) {
    const text = cString(target);
    program.attempt("symlink", `/dev/${name}`, SYS.symlinkat, text, dev, cString(name));
  }
  const directory = (name: string, tree: Result | number) => {
    program.attempt("mkdir", `/dev/${name}`, SYS.mkdirat, dev, cString(name), 0o755);
    attach(program, tree, dev, name);
  };
  directory("pts", plan.devpts);
  const shm = { mode: "1777", size: String(plan.shmSize) };
  directory("shm", newMount(program, "tmpfs", shm, KERNEL));
  if (plan.hasMqueue) directory("mqueue", newMount(program, "mqueue", {}, KERNEL));
  const { terminal } = plan.process.stdio;
  if (terminal === undefined) return;
  if (plan.dev === undefined) makeNode(program, dev, "console", S_IFREG);
  attach(program, openTree(program, plan.devpts, terminal), dev, "console");
}

function attachPlanned(program: ChildProgram, { tree, path, kind, make }: PlannedMount): void {
  if (make && kind === "directory") makeDirectories(program, path);
  if (make && kind === "file") {
    makeDirectories(program, path.slice(0, path.lastIndexOf("/")));
    const mode = S_IFREG | 0o644;
    program.attempt("mknod", path, SYS.mknodat, AT_FDCWD, cString(path), mode, 0);
  }
  const target = openTarget(program, path, RESOLVE_NO_MAGICLINKS);
  attach(program, tree, target, "", path);
}

function writeSysctl(program: ChildProgram, key: string, value: string): void {
  const path = `/proc/sys/${key.replaceAll(".", "/")}`;
  const flags = O_WRONLY | O_TRUNC | O_CLOEXEC;
  const fd = program.call("open", path, SYS.openat, AT_FDCWD, cString(path), flags, 0);
  const text = new TextEncoder().encode(value);
  program.call("write", path, SYS.write, fd, text, text.length);
}

function mask(
  program: ChildProgram,
  { path, kind }: { path: string; kind: "directory" | "file" },
): void {
  const cover = kind === "file"
    ? openTree(program, AT_FDCWD, "/dev/null")
    : newMount(program, "tmpfs", {}, KERNEL | MOUNT_RDONLY);
  attach(program, cover, AT_FDCWD, path);
}

function makeReadOnly(program: ChildProgram, path: string): void {
  const tree = openTree(program, AT_FDCWD, path);
  setReadOnly(program, tree, "", path);
  attach(program, tree, AT_FDCWD, path);
}

function setReadOnly(
  program: ChildProgram,
  directory: number | Result,
  path: string,
  name = path,
): void {
  const attributes = mountAttributes(MOUNT_RDONLY);
  const flags = path === "" ? MOUNT.AT_EMPTY_PATH : 0;
  const args = [directory, cString(path), flags, attributes, attributes.byteLength] as const;
  program.call("mount_setattr", name, SYS.mount_setattr, ...args);
}

/** Attaches where an image has or gets a directory; one that is a link instead is refused. */
function attachHere(program: ChildProgram, tree: Result | number, path: string): void {
  program.attempt("mkdir", path, SYS.mkdirat, AT_FDCWD, cString(path), 0o755);
  attach(program, tree, openTarget(program, path, RESOLVE_NO_SYMLINKS), "", path);
}

function openTarget(program: ChildProgram, path: string, resolve: number): Result {
  const how = openHow(O_PATH, resolve);
  return program.call("openat2", path, SYS.openat2, AT_FDCWD, cString(path), how, how.length);
}

function attach(
  program: ChildProgram,
  tree: Result | number,
  directory: Result | number,
  path: string,
  name = path,
): void {
  const flags = MOVE_EMPTY_FROM | (path === "" ? MOVE_EMPTY_TO : 0);
  const from = cString("");
  program.call("move_mount", name, SYS.move_mount, tree, from, directory, cString(path), flags);
}

/** A copy of one mount, attached nowhere. */
function openTree(program: ChildProgram, directory: number, path: string): Result {
  const flags = MOUNT.OPEN_TREE_CLONE | O_CLOEXEC | MOUNT.AT_RECURSIVE;
  return program.call("open_tree", path, SYS.open_tree, directory, cString(path), flags);
}

/** A new file system, attached nowhere. */
function newMount(
  program: ChildProgram,
  type: string,
  options: Readonly<Record<string, string>>,
  attributes: number,
): Result {
  const context = program.call("fsopen", type, SYS.fsopen, cString(type), MOUNT.FSOPEN_CLOEXEC);
  for (const [key, value] of Object.entries(options)) {
    const name = `${type} option ${key}`;
    const [set, option, text] = [MOUNT.FSCONFIG_SET_STRING, cString(key), cString(value)];
    program.call("fsconfig", name, SYS.fsconfig, context, set, option, text, 0);
  }
  const create = MOUNT.FSCONFIG_CMD_CREATE;
  program.call("fsconfig", type, SYS.fsconfig, context, create, 0, 0, 0);
  return program.call("fsmount", type, SYS.fsmount, context, MOUNT.FSMOUNT_CLOEXEC, attributes);
}

function makeNode(
  program: ChildProgram,
  directory: Result | number,
  name: string,
  type: number,
  major = 0,
  minor = 0,
): void {
  const device = (major << 8) | minor;
  const mode = type | 0o666;
  program.call("mknod", `/dev/${name}`, SYS.mknodat, directory, cString(name), mode, device);
}

/** Makes a directory and those above it; those that are there already are left alone. */
function makeDirectories(program: ChildProgram, path: string): void {
  const parts = path.split("/").filter((each) => each !== "");
  parts.forEach((_, at) => {
    const prefix = "/" + parts.slice(0, at + 1).join("/");
    program.attempt("mkdir", prefix, SYS.mkdirat, AT_FDCWD, cString(prefix), 0o755);
  });
}
