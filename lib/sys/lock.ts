import { Fd, O_CREAT, O_RDWR, open } from "./fd.ts";
import { EAGAIN } from "./errno.ts";
import { isSysError } from "./error.ts";
import { SYS } from "./numbers.ts";
import { blockingSyscall, syscall } from "./syscall.ts";

const LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4;

/** Whether several may hold the lock at once. */
export type LockKind = "shared" | "exclusive";

/**
 * Waits for the lock on a file (flock(2)), which is made when it is not there. The lock ends with the scope, or with
 * this process.
 *
 * @throws {SysError} when the file cannot be opened
 */
export async function lockFile(path: string, kind: LockKind = "exclusive"): Promise<Fd> {
  for (;;) {
    const free = tryLockFile(path, kind);
    if (free) return free;
    const fd = open(path, O_RDWR | O_CREAT, 0o600);
    await blockingSyscall("flock", path, SYS.flock, fd.number, operation(kind));
    if (!isRemoved(fd)) return fd;
    fd.close();
  }
}

/**
 * Takes the lock on a file if it is free, otherwise returns nothing.
 *
 * @throws {SysError} when the file cannot be opened
 */
export function tryLockFile(path: string, kind: LockKind = "exclusive"): Fd | undefined {
  for (;;) {
    const fd = open(path, O_RDWR | O_CREAT, 0o600);
    try {
      syscall("flock", path, SYS.flock, fd.number, operation(kind) | LOCK_NB);
    } catch (error) {
      fd.close();
      if (isSysError(error, EAGAIN)) return undefined;
      throw error;
    }
    if (!isRemoved(fd)) return fd;
    fd.close();
  }
}

/**
 * Removes the file of a lock, unless somebody has the lock. Safe at any time: it is removed under the lock, and who
 * waited for it meanwhile sees that, and takes the next file of that path.
 *
 * @throws {SysError} when the file cannot be opened
 */
export function removeLockFile(path: string): void {
  using lock = tryLockFile(path);
  if (lock) Deno.removeSync(path);
}

/** Whether the file is at no path any more: a lock on it keeps nobody out. */
function isRemoved(fd: Fd): boolean {
  return Deno.statSync(`/proc/self/fd/${fd.number}`).nlink === 0;
}

function operation(kind: LockKind): number {
  return kind === "shared" ? LOCK_SH : LOCK_EX;
}
