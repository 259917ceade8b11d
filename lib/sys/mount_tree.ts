import { AT_FDCWD, Fd, O_CLOEXEC } from "./fd.ts";
import { cString } from "./memory.ts";
import { SYS } from "./numbers.ts";
import { syscall } from "./syscall.ts";

/** Attributes of mounts (linux/mount.h, MOUNT_ATTR_…). */
export const MOUNT_RDONLY = 1;
export const MOUNT_NOSUID = 2;
export const MOUNT_NODEV = 4;
export const MOUNT_NOEXEC = 8;

/** Numbers of the mount calls for programs of a child (linux/mount.h, linux/fcntl.h, mount(2)). */
export const MOUNT = {
  OPEN_TREE_CLONE: 1,
  MOVE_EMPTY_PATHS: 4 | 0x40,
  FSMOUNT_CLOEXEC: 1,
  FSOPEN_CLOEXEC: 1,
  FSCONFIG_SET_FLAG: 0,
  FSCONFIG_SET_STRING: 1,
  FSCONFIG_CMD_CREATE: 6,
  AT_EMPTY_PATH: 0x1000,
  AT_RECURSIVE: 0x8000,
  MS_REC: 16384,
  MS_PRIVATE: 1 << 18,
  MNT_DETACH: 2,
} as const;

/** struct mount_attr of mount_setattr(2): u64 attr_set, attr_clr, propagation, userns_fd. */
export function mountAttributes(set: number, propagation = 0, clear = 0): Uint8Array {
  const words = [BigInt(set), BigInt(clear), BigInt(propagation), 0n];
  return new Uint8Array(new BigUint64Array(words).buffer);
}

/**
 * A mount of its own of what a descriptor shows, attached nowhere (open_tree(2), OPEN_TREE_CLONE). Closing it ends the
 * mount unless it has been attached.
 *
 * @param recursive also what is mounted below
 * @throws {SysError}
 */
export function cloneTree(fd: number, name: string, { recursive = false } = {}): Fd {
  const flags = MOUNT.OPEN_TREE_CLONE | O_CLOEXEC | MOUNT.AT_EMPTY_PATH |
    (recursive ? MOUNT.AT_RECURSIVE : 0);
  return new Fd(syscall("open_tree", name, SYS.open_tree, fd, cString(""), flags));
}

/**
 * A new file system, attached nowhere (fsopen(2), fsconfig(2), fsmount(2)).
 *
 * @param options of the file system; `true` for those without a value
 * @param attributes MOUNT_…
 * @throws {SysError} naming the file system, or the option that it refuses
 */
export function createMount(
  type: string,
  options: Readonly<Record<string, string | true>> = {},
  attributes = 0,
): Fd {
  using context = new Fd(
    syscall("fsopen", type, SYS.fsopen, cString(type), MOUNT.FSOPEN_CLOEXEC),
  );
  for (const [key, value] of Object.entries(options)) {
    const command = value === true ? MOUNT.FSCONFIG_SET_FLAG : MOUNT.FSCONFIG_SET_STRING;
    const text = value === true ? 0 : cString(value);
    const name = `${type} option ${key}`;
    syscall("fsconfig", name, SYS.fsconfig, context.number, command, cString(key), text, 0);
  }
  const { FSCONFIG_CMD_CREATE, FSMOUNT_CLOEXEC } = MOUNT;
  syscall("fsconfig", type, SYS.fsconfig, context.number, FSCONFIG_CMD_CREATE, 0, 0, 0);
  return new Fd(
    syscall("fsmount", type, SYS.fsmount, context.number, FSMOUNT_CLOEXEC, attributes),
  );
}

/** Sets attributes (MOUNT_…) of a mount (mount_setattr(2)). @throws {SysError} */
export function setMountAttributes(
  fd: number,
  name: string,
  set: number,
  { recursive = false } = {},
): void {
  const attributes = mountAttributes(set);
  const flags = MOUNT.AT_EMPTY_PATH | (recursive ? MOUNT.AT_RECURSIVE : 0);
  syscall(
    "mount_setattr",
    name,
    SYS.mount_setattr,
    fd,
    cString(""),
    flags,
    attributes,
    attributes.byteLength,
  );
}

/** Attaches a mount at an existing path of this process's own (move_mount(2)). @throws {SysError} */
export function attachTree(tree: number, path: string): void {
  const F_EMPTY_PATH = 4;
  syscall(
    "move_mount",
    path,
    SYS.move_mount,
    tree,
    cString(""),
    AT_FDCWD,
    cString(path),
    F_EMPTY_PATH,
  );
}

/**
 * Mounts a file system (mount(2)).
 *
 * @param flags MS_…
 * @param data options, separated by commas
 * @throws {SysError}
 */
export function mount(
  source: string,
  target: string,
  type: string,
  flags = 0,
  data = "",
): void {
  syscall(
    "mount",
    `${source} on ${target}`,
    SYS.mount,
    cString(source),
    cString(target),
    cString(type),
    flags,
    cString(data),
  );
}

/** Takes away what is mounted at `path`, even while it is in use (umount2(2), MNT_DETACH). @throws {SysError} */
export function unmount(path: string): void {
  const UMOUNT_NOFOLLOW = 8;
  syscall("umount", path, SYS.umount2, cString(path), MOUNT.MNT_DETACH | UMOUNT_NOFOLLOW);
}
