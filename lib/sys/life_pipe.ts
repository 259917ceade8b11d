import { EAGAIN, ENOENT } from "./errno.ts";
import { isSysError, SysError } from "./error.ts";
import { AT_FDCWD, type Fd, O_NONBLOCK, O_RDONLY, open } from "./fd.ts";
import { cString } from "./memory.ts";
import { SYS } from "./numbers.ts";
import { syscall } from "./syscall.ts";
import { readSome } from "./transfer.ts";

const S_IFIFO = 0o010000;

/**
 * Makes a pipe with a name (fifo(7)) for its owner alone, in place of one that is there. Who holds it open, to read and
 * to write, is known to be there by others, who can wait for the end of that: as a pidfd tells of a process.
 *
 * @throws {SysError}
 */
export function makeLifePipe(path: string): void {
  removeIfThere(path);
  syscall("mknod", path, SYS.mknodat, AT_FDCWD, cString(path), S_IFIFO | 0o600, 0);
}

/**
 * A descriptor that `waitForEnd` waits with until nobody holds a pipe open any more; nothing when nobody does, or there
 * is no such pipe.
 *
 * @throws {SysError}
 */
export function openLifePipe(path: string): Fd | undefined {
  let pipe: Fd;
  try {
    pipe = open(path, O_RDONLY | O_NONBLOCK);
  } catch (error) {
    if (isSysError(error, ENOENT)) return undefined;
    throw error;
  }
  // Without a writer it is at its end; nobody writes anything.
  const count = readSome(pipe.number, new Uint8Array(1));
  if (count === -EAGAIN) return pipe;
  pipe.close();
  if (count < 0) throw new SysError("read", path, -count);
  return undefined;
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
