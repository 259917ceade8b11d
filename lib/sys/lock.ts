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
  const free = tryLockFile(path, kind);
  if (free) return free;
  const fd = open(path, O_RDWR | O_CREAT, 0o600);
  await blockingSyscall("flock", path, SYS.flock, fd.number, operation(kind));
  return fd;
}

/**
 * Takes the lock on a file if it is free, otherwise returns nothing.
 *
 * @throws {SysError} when the file cannot be opened
 */
export function tryLockFile(path: string, kind: LockKind = "exclusive"): Fd | undefined {
  const fd = open(path, O_RDWR | O_CREAT, 0o600);
  try {
    syscall("flock", path, SYS.flock, fd.number, operation(kind) | LOCK_NB);
    return fd;
  } catch (error) {
    fd.close();
    if (isSysError(error, EAGAIN)) return undefined;
    throw error;
  }
}

function operation(kind: LockKind): number {
  return kind === "shared" ? LOCK_SH : LOCK_EX;
}
