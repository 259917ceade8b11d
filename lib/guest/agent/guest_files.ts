import {
  AT_FDCWD,
  cString,
  O_CREAT,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  open,
  rawSyscall,
  readSome,
  SYS,
  syscall,
  SysError,
  writeSome,
} from "../../sys/mod.ts";

/*
 * Files of the guest's own. By system calls, which the agent has at hand anyway: the first use of each of the runtime's
 * own functions costs tens of milliseconds in an emulated machine.
 */

const AT_REMOVEDIR = 0x200;
/** Longer than most: a second call is only needed to see the end. */
const CHUNK = 16384;
const decoder = new TextDecoder();

/** Whether there is something at `path`. */
export function exists(path: string): boolean {
  return rawSyscall(SYS.access, cString(path), 0) === 0;
}

/** @throws {SysError} when it is there already, too */
export function makeDirectory(path: string, mode = 0o755): void {
  syscall("mkdir", path, SYS.mkdir, cString(path), mode);
}

/** Writes a whole file, which is made 0644 where it is not there. @throws {SysError} */
export function writeFile(path: string, text: string): void {
  using file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644);
  const bytes = new TextEncoder().encode(text);
  const written = writeSome(file.number, bytes);
  if (written < 0) throw new SysError("write", path, -written);
}

/** The text of a file. @throws {SysError} */
export function readFile(path: string): string {
  using file = open(path, O_RDONLY);
  return readToEnd(file.number, Infinity);
}

/**
 * The text of an open file, decoded at once: a decoder that keeps a state between pieces is slow to make.
 *
 * @param limit bytes after which no more is read
 * @throws {SysError}
 */
export function readToEnd(fd: number, limit: number): string {
  let bytes = new Uint8Array(CHUNK);
  let length = 0;
  for (;;) {
    const count = readSome(fd, bytes.subarray(length));
    if (count < 0) throw new SysError("read", `descriptor ${fd}`, -count);
    length += count;
    if (count === 0 || length >= limit) break;
    if (length === bytes.length) {
      const grown = new Uint8Array(length * 2);
      grown.set(bytes);
      bytes = grown;
    }
  }
  return decoder.decode(bytes.subarray(0, length));
}

/** Removes a file, if it is there. */
export function removeFile(path: string): void {
  rawSyscall(SYS.unlinkat, AT_FDCWD, cString(path), 0);
}

/** Removes an empty directory. @returns 0, or the error number */
export function removeDirectory(path: string): number {
  return -rawSyscall(SYS.unlinkat, AT_FDCWD, cString(path), AT_REMOVEDIR);
}

/** Whether a descriptor, O_PATH or not, stands for a directory. */
export function isDirectory(fd: number): boolean {
  const S_IFMT = 0o170000, S_IFDIR = 0o040000, AT_EMPTY_PATH = 0x1000, STATX_TYPE = 1;
  // struct statx: the mode is a u16 at 28.
  const found = new Uint8Array(256);
  syscall("statx", "a descriptor", SYS.statx, fd, cString(""), AT_EMPTY_PATH, STATX_TYPE, found);
  return ((found[29]! << 8 | found[28]!) & S_IFMT) === S_IFDIR;
}
