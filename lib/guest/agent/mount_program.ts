import {
  AT_FDCWD,
  type ChildProgram,
  cString,
  MOUNT,
  MOUNT_RDONLY,
  mountAttributes,
  O_CLOEXEC,
  O_PATH,
  openHow,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  type Result,
  SYS,
} from "../../sys/mod.ts";

/** A mount of a container, made in its namespaces. */
export interface PlannedMount {
  /** Absolute path in the container. Links on the way are followed, within the container. */
  path: string;
  source: MountSource;
  /** Whether the path may have to be made. */
  make: boolean;
  /** What is changed once it is there, in order. */
  changes: readonly MountChange[];
}

/**
 * What is mounted: a mount made beforehand and attached nowhere, a new file system, or what a parked process has made
 * with all that is below it.
 */
export type MountSource =
  | { kind: "made"; tree: Result }
  | { kind: "tree"; tree: number; file: boolean }
  | {
    kind: "new";
    type: string;
    /** `key=value` or `key`. */
    options: readonly string[];
    /** The source that it wants; empty: none. */
    device: string;
    /** MOUNT_ATTR_…. */
    attributes: number;
  };

/** A change of a mount's attributes: MOUNT_ATTR_… and MS_…, of mount_setattr(2). */
export interface MountChange {
  set: number;
  clear: number;
  propagation: number;
  recursive: boolean;
}

const MOVE_EMPTY_FROM = 4, MOVE_EMPTY_TO = 0x40;
const S_IFREG = 0o100000;

/** Trees of the kernel's go where an image has or gets a directory; one that is a link instead is refused. */
const NEVER_BY_LINK = ["proc", "sysfs"];

/** Attaches a mount at its path, and returns it. */
export function attachPlanned(program: ChildProgram, mount: PlannedMount): Result | number {
  const { path, source, make, changes } = mount;
  const file = source.kind === "tree" && source.file;
  const tree = source.kind === "new" ? newMount(program, source) : source.tree;
  if (make && file) makeFile(program, path);
  if (make && !file) makeDirectories(program, path);
  const direct = path === "/dev" || source.kind === "made" ||
    source.kind === "new" && NEVER_BY_LINK.includes(source.type);
  const target = openTarget(program, path, direct ? RESOLVE_NO_SYMLINKS : RESOLVE_NO_MAGICLINKS);
  attach(program, tree, target, "", path);
  for (const each of changes) change(program, tree, path, each);
  return tree;
}

/** Attaches a mount at a path below a directory. */
export function attach(
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

/** A copy of a mount and those below it, attached nowhere. */
export function openTree(program: ChildProgram, directory: number, path: string): Result {
  const flags = MOUNT.OPEN_TREE_CLONE | O_CLOEXEC | MOUNT.AT_RECURSIVE;
  return program.call("open_tree", path, SYS.open_tree, directory, cString(path), flags);
}

/** A new file system, attached nowhere. */
export function newMount(
  program: ChildProgram,
  { type, options, device, attributes }: Extract<MountSource, { kind: "new" }>,
): Result {
  const context = program.call("fsopen", type, SYS.fsopen, cString(type), MOUNT.FSOPEN_CLOEXEC);
  const set = (option: string) => {
    const at = option.indexOf("=");
    const [command, key] = at < 0
      ? [MOUNT.FSCONFIG_SET_FLAG, option]
      : [MOUNT.FSCONFIG_SET_STRING, option.slice(0, at)];
    const value = at < 0 ? 0 : cString(option.slice(at + 1));
    const name = `${type} option ${key}`;
    program.call("fsconfig", name, SYS.fsconfig, context, command, cString(key), value, 0);
  };
  if (device !== "") set(`source=${device}`);
  for (const option of options) set(option);
  const create = MOUNT.FSCONFIG_CMD_CREATE;
  program.call("fsconfig", type, SYS.fsconfig, context, create, 0, 0, 0);
  return program.call("fsmount", type, SYS.fsmount, context, MOUNT.FSMOUNT_CLOEXEC, attributes);
}

/** Hides a path, if it is there: a file by /dev/null, a directory by an empty one. */
export function mask(program: ChildProgram, { path, kind }: ContainerPath): void {
  const empty = () =>
    newMount(program, {
      kind: "new",
      type: "tmpfs",
      options: ["size=0"],
      device: "",
      attributes: MOUNT_RDONLY,
    });
  const null_ = () => openTree(program, AT_FDCWD, "/dev/null");
  if (kind === "file") return attach(program, null_(), AT_FDCWD, path);
  if (kind === "directory") return attach(program, empty(), AT_FDCWD, path);
  // Only what is like it in kind can cover it: one of the two is refused, or both where there is nothing.
  for (const cover of [null_(), empty()]) {
    const [from, to] = [cString(""), cString(path)];
    const flags = MOVE_EMPTY_FROM;
    program.attempt("move_mount", path, SYS.move_mount, cover, from, AT_FDCWD, to, flags);
  }
}

/** Makes a path read-only by a mount of its own, if it is there. */
export function makeReadOnly(program: ChildProgram, { path, kind }: ContainerPath): void {
  if (kind !== "unknown") {
    const tree = openTree(program, AT_FDCWD, path);
    setReadOnly(program, tree, "", path);
    return attach(program, tree, AT_FDCWD, path);
  }
  const flags = MOUNT.OPEN_TREE_CLONE | O_CLOEXEC | MOUNT.AT_RECURSIVE;
  const to = cString(path);
  const tree = program.attempt("open_tree", path, SYS.open_tree, AT_FDCWD, to, flags);
  const attributes = mountAttributes(MOUNT_RDONLY);
  const [from, size, empty] = [cString(""), attributes.length, MOUNT.AT_EMPTY_PATH];
  program.attempt("mount_setattr", path, SYS.mount_setattr, tree, from, empty, attributes, size);
  program.attempt("move_mount", path, SYS.move_mount, tree, from, AT_FDCWD, to, MOVE_EMPTY_FROM);
}

/** A path in a container that something is done to, and what is there as far as it is known beforehand. */
export interface ContainerPath {
  path: string;
  kind: "directory" | "file" | "unknown";
}

/** Makes the mount at a path read-only; `path` is empty for a descriptor of the mount. */
export function setReadOnly(
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

/** Changes the attributes of the mount that a descriptor stands for. */
export function change(
  program: ChildProgram,
  tree: Result | number,
  name: string,
  { set, clear, propagation, recursive }: MountChange,
): void {
  const attributes = mountAttributes(set, propagation, clear);
  const flags = MOUNT.AT_EMPTY_PATH | (recursive ? MOUNT.AT_RECURSIVE : 0);
  const args = [tree, cString(""), flags, attributes, attributes.byteLength] as const;
  program.call("mount_setattr", name, SYS.mount_setattr, ...args);
}

/** Makes a directory and those above it; those that are there already are left alone. */
export function makeDirectories(program: ChildProgram, path: string): void {
  const parts = path.split("/").filter((each) => each !== "");
  parts.forEach((_, at) => {
    const prefix = "/" + parts.slice(0, at + 1).join("/");
    program.attempt("mkdir", prefix, SYS.mkdirat, AT_FDCWD, cString(prefix), 0o755);
  });
}

function makeFile(program: ChildProgram, path: string): void {
  makeDirectories(program, path.slice(0, path.lastIndexOf("/")));
  const mode = S_IFREG | 0o644;
  program.attempt("mknod", path, SYS.mknodat, AT_FDCWD, cString(path), mode, 0);
}

function openTarget(program: ChildProgram, path: string, resolve: number): Result {
  const how = openHow(O_PATH, resolve);
  return program.call("openat2", path, SYS.openat2, AT_FDCWD, cString(path), how, how.length);
}
