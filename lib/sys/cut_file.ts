import { EOPNOTSUPP } from "./errno.ts";
import { isSysError } from "./error.ts";
import { O_NOFOLLOW, O_WRONLY, open } from "./fd.ts";
import { SYS } from "./numbers.ts";
import { syscall } from "./syscall.ts";

const FALLOC_FL_KEEP_SIZE = 1, FALLOC_FL_PUNCH_HOLE = 2;
const SEEK_END = 2;

/**
 * Gives back the space that a file takes but for its last `kept` bytes: what was before is a hole (fallocate(2)), so
 * that a program that appends to the file goes on as before. On a file system without holes all of it goes.
 *
 * @throws {SysError}
 */
export function cutFile(path: string, kept: number): void {
  using file = open(path, O_WRONLY | O_NOFOLLOW);
  const size = syscall("lseek", path, SYS.lseek, file.number, 0, SEEK_END);
  if (size <= kept) return;
  const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  try {
    syscall("fallocate", path, SYS.fallocate, file.number, mode, 0, size - kept);
  } catch (error) {
    if (!isSysError(error, EOPNOTSUPP)) throw error;
    syscall("ftruncate", path, SYS.ftruncate, file.number, 0);
  }
}
