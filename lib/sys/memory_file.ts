import { Fd } from "./fd.ts";
import { cString } from "./memory.ts";
import { SYS } from "./numbers.ts";
import { syscall } from "./syscall.ts";
import { writeSome } from "./transfer.ts";

const MFD_CLOEXEC = 1;

/**
 * A file in memory without a name in any directory (memfd_create(2)), to be read from its start.
 *
 * @param name as tools show it
 * @throws {SysError}
 */
export function memoryFile(name: string, content = new Uint8Array(0)): Fd {
  const file = new Fd(syscall("memfd_create", name, SYS.memfd_create, cString(name), MFD_CLOEXEC));
  if (content.length > 0) writeSome(file.number, content);
  syscall("lseek", name, SYS.lseek, file.number, 0, 0);
  return file;
}

/** The end of a file: at most `most` bytes, wherever its position is. @throws {SysError} */
export function readEnd(file: Fd, most: number): Uint8Array {
  const SEEK_END = 2;
  const size = syscall("lseek", "a file", SYS.lseek, file.number, 0, SEEK_END);
  const bytes = new Uint8Array(Math.min(size, most));
  if (bytes.length === 0) return bytes;
  const from = size - bytes.length;
  const count = syscall("pread64", "a file", SYS.pread64, file.number, bytes, bytes.length, from);
  return bytes.subarray(0, count);
}
