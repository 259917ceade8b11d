import { ChildProgram } from "./child_program.ts";
import { AT_FDCWD, type Fd, O_CLOEXEC, O_RDONLY } from "./fd.ts";
import { cString } from "./memory.ts";
import { SYS } from "./numbers.ts";
import type { Result } from "./operation.ts";

/** linux/sched.h */
const CLONE_NEWNS = 0x20000;
/** linux/mount.h, mount(2) */
const MS_RDONLY = 1, MS_NOSUID = 2, MS_NODEV = 4, MS_REMOUNT = 32, MS_BIND = 4096, MS_REC = 16384;
const MS_PRIVATE = 1 << 18, MS_SLAVE = 1 << 19;
/** linux/mount.h, open_tree(2), move_mount(2), mount_setattr(2) */
const OPEN_TREE_CLONE = 1, MOVE_MOUNT_F_EMPTY_PATH = 4, MOUNT_ATTR_RDONLY = 1;
/** linux/mount.h, fsopen(2), fsconfig(2), fsmount(2) */
const FSOPEN_CLOEXEC = 1, FSMOUNT_CLOEXEC = 1, FSCONFIG_SET_STRING = 1, FSCONFIG_CMD_CREATE = 6;
/** linux/fcntl.h */
const AT_RECURSIVE = 0x8000, AT_EMPTY_PATH = 0x1000;
const MNT_DETACH = 2, UMOUNT_NOFOLLOW = 8;

/**
 * Adds calls that give a process a mount namespace of its own, in which `directory` cannot be written to except below
 * mounts attached there later. Mounts made on the host still arrive; none goes back. All of it ends with the last
 * process in the namespace, however that ends.
 */
export function enterOwnMounts(program: ChildProgram, directory: string): void {
  const path = program.keep(cString(directory));
  const none = program.keep(cString("none"));
  program.call("unshare", "mount namespace", SYS.unshare, CLONE_NEWNS);
  program.call("mount", "/", SYS.mount, none, cString("/"), 0, MS_REC | MS_SLAVE, 0);
  program.call("mount", directory, SYS.mount, path, path, 0, MS_BIND, 0);
  const flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
  program.call("mount", directory, SYS.mount, none, path, 0, flags, 0);
}

/** Adds calls that move a process into the mount namespace of another one, to that namespace's root directory. */
export function enterMountsOf(program: ChildProgram, pid: number): void {
  const namespace = openMountNamespace(program, pid);
  program.call("setns", `mount namespace of pid ${pid}`, SYS.setns, namespace, CLONE_NEWNS);
}

/** A bind mount to be attached in the mount namespace of another process. */
export interface AttachOptions {
  /** A process in the namespace. */
  pid: number;
  /** Directory or file, looked up in this process's own namespace. */
  source: string;
  /** An existing directory or file; a symbolic link as its last part is not followed. */
  target: string;
  readOnly: boolean;
  /** Whether mounts that are made below `source` later arrive too. They are not read-only, whatever this mount is. */
  follow: boolean;
  /** Whether the mounts below a directory come with it. Default: they do. */
  recursive?: boolean;
}

/**
 * Attaches a bind mount in the mount namespace of another process.
 *
 * @throws {SysError} naming the call and path that failed; nothing has been mounted then
 */
export function attachMount(
  { pid, source, target, readOnly, follow, recursive = true }: AttachOptions,
): void {
  const program = new ChildProgram();
  const namespace = openMountNamespace(program, pid);
  const tree = program.call(
    "open_tree",
    source,
    SYS.open_tree,
    AT_FDCWD,
    cString(source),
    OPEN_TREE_CLONE | O_CLOEXEC | (recursive ? AT_RECURSIVE : 0),
  );
  // struct mount_attr: u64 attr_set, attr_clr, propagation, userns_fd.
  const attributes = new BigUint64Array([
    BigInt(readOnly ? MOUNT_ATTR_RDONLY : 0),
    0n,
    BigInt(follow ? MS_SLAVE : MS_PRIVATE),
    0n,
  ]);
  const empty = program.keep(cString(""));
  program.call(
    "mount_setattr",
    source,
    SYS.mount_setattr,
    tree,
    empty,
    AT_EMPTY_PATH | AT_RECURSIVE,
    new Uint8Array(attributes.buffer),
    attributes.byteLength,
  );
  program.call("setns", `mount namespace of pid ${pid}`, SYS.setns, namespace, CLONE_NEWNS);
  moveMount(program, tree, target);
  program.run();
}

/**
 * Attaches a mount that is attached nowhere yet (`createMount`) in the mount namespace of a process, which may be this one
 * whose own root is elsewhere.
 *
 * @param target an existing directory, from the namespace's root on; a symbolic link as its last part is not followed
 * @throws {SysError}
 */
export function attachNewMount(pid: number, mount: Fd, target: string): void {
  const program = new ChildProgram();
  const namespace = openMountNamespace(program, pid);
  program.call("setns", `mount namespace of pid ${pid}`, SYS.setns, namespace, CLONE_NEWNS);
  moveMount(program, mount.number, target);
  program.run();
}

/** A directory to be shown under a writable layer. */
export interface OverlayOptions {
  /** A process in the namespace. */
  pid: number;
  /** The directories, the uppermost first, which stay as they are. */
  lower: readonly string[];
  /** A directory that takes the changes, and an empty one beside it that the kernel works in; null: no changes. */
  changes: { upper: string; work: string } | null;
  target: string;
}

/**
 * Mounts an overlay in the mount namespace of another process.
 *
 * @throws {SysError} when the file system of `upper` cannot carry one, another overlay for example
 */
export function attachOverlay({ pid, lower, changes, target }: OverlayOptions): void {
  const program = new ChildProgram();
  const namespace = openMountNamespace(program, pid);
  program.call("setns", `mount namespace of pid ${pid}`, SYS.setns, namespace, CLONE_NEWNS);
  const context = program.call("fsopen", "overlay", SYS.fsopen, cString("overlay"), FSOPEN_CLOEXEC);
  const set = (key: string, value: string) =>
    program.call(
      "fsconfig",
      `overlay ${key}=${value}`,
      SYS.fsconfig,
      context,
      FSCONFIG_SET_STRING,
      cString(key),
      cString(value),
      0,
    );
  // A colon separates lower directories.
  set("lowerdir", lower.map((each) => each.replace(/[\\:]/g, "\\$&")).join(":"));
  if (changes) {
    set("upperdir", changes.upper);
    set("workdir", changes.work);
  }
  program.call("fsconfig", "overlay", SYS.fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  const mount = program.call("fsmount", "overlay", SYS.fsmount, context, FSMOUNT_CLOEXEC, 0);
  moveMount(program, mount, target);
  program.run();
}

/**
 * Takes away a mount that {@linkcode attachMount} made, even while it is in use.
 *
 * @throws {SysError} when nothing is mounted there
 */
export function detachMount(pid: number, target: string): void {
  const program = new ChildProgram();
  const namespace = openMountNamespace(program, pid);
  program.call("setns", `mount namespace of pid ${pid}`, SYS.setns, namespace, CLONE_NEWNS);
  program.call(
    "umount",
    target,
    SYS.umount2,
    cString(target),
    MNT_DETACH | UMOUNT_NOFOLLOW,
  );
  program.run();
}

/** Attaches a mount that is attached nowhere yet; a symbolic link as the target's last part is not followed. */
function moveMount(program: ChildProgram, mount: number | Result, target: string): void {
  const [from, to] = [cString(""), cString(target)];
  const flags = MOVE_MOUNT_F_EMPTY_PATH;
  program.call("move_mount", target, SYS.move_mount, mount, from, AT_FDCWD, to, flags);
}

function openMountNamespace(program: ChildProgram, pid: number) {
  const path = `/proc/${pid}/ns/mnt`;
  return program.call("open", path, SYS.openat, AT_FDCWD, cString(path), O_RDONLY | O_CLOEXEC);
}
