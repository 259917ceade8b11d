import { Fd, O_CLOEXEC, O_CREAT } from "./fd.ts";
import { cString } from "./memory.ts";
import { SYS } from "./numbers.ts";
import { syscall } from "./syscall.ts";

/** How paths are looked up (openat2(2), linux/openat2.h). */
export const RESOLVE_NO_MAGICLINKS = 2;
export const RESOLVE_NO_SYMLINKS = 4;
/** The directory given is the root: absolute links and `..` stay inside it. */
export const RESOLVE_IN_ROOT = 0x10;

/** struct open_how: u64 flags, u64 mode, u64 resolve. */
export function openHow(flags: number, resolve: number, mode = 0): Uint8Array {
  const how = new BigUint64Array([
    BigInt(flags | O_CLOEXEC),
    BigInt(flags & O_CREAT ? mode : 0),
    BigInt(resolve),
  ]);
  return new Uint8Array(how.buffer);
}

/**
 * Opens a file below a directory that is its root (openat2(2), RESOLVE_IN_ROOT): no link of the tree, absolute or
 * upward, leads out of it.
 *
 * @param root descriptor of the directory
 * @param path below it, with or without a slash in front
 * @param flags O_… of open(2); O_CLOEXEC is added
 * @throws {SysError}
 */
export function openInRoot(root: number, path: string, flags: number, mode = 0): Fd {
  const how = openHow(flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, mode);
  return new Fd(
    syscall("openat2", path, SYS.openat2, root, cString(path), how, how.byteLength),
  );
}
