import { cString } from "./memory.ts";
import { SYS } from "./numbers.ts";
import { rawSyscall, syscall } from "./syscall.ts";

/** Flags of open(2) (asm-generic/fcntl.h). */
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_CREAT = 0o100;
export const O_EXCL = 0o200;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;
export const O_NONBLOCK = 0o4000;
export const O_DIRECTORY = 0o200000;
export const O_NOFOLLOW = 0o400000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

/** The current directory, as `dirfd` of the …at calls. */
export const AT_FDCWD = -100;

/** An open file descriptor, closed when its scope ends. */
export class Fd implements Disposable {
  #number: number;

  constructor(number: number) {
    this.#number = number;
  }

  /** The descriptor's number. @throws {TypeError} when it has been closed */
  get number(): number {
    if (this.#number < 0) throw new TypeError("Cannot use a descriptor: it has been closed");
    return this.#number;
  }

  /** Whether it has been closed already. */
  get closed(): boolean {
    return this.#number < 0;
  }

  /** Closes it; closing twice does nothing. */
  close(): void {
    if (this.#number < 0) return;
    // The descriptor is gone whatever close answers: close(2), "Dealing with error returns".
    rawSyscall(SYS.close, this.#number);
    this.#number = -1;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Opens a file, with O_CLOEXEC.
 *
 * @param flags O_… of open(2)
 * @param mode permissions of a file that is made
 * @throws {SysError}
 */
export function open(path: string, flags: number, mode = 0): Fd {
  return new Fd(
    syscall("open", path, SYS.openat, AT_FDCWD, cString(path), flags | O_CLOEXEC, mode),
  );
}

/**
 * A pipe: pipe2(2), with O_CLOEXEC.
 *
 * @param flags such as O_NONBLOCK
 * @throws {SysError}
 */
export function pipe(flags = 0): { read: Fd; write: Fd } {
  const ends = new Int32Array(2);
  syscall("pipe2", "a pipe", SYS.pipe2, new Uint8Array(ends.buffer), flags | O_CLOEXEC);
  return { read: new Fd(ends[0]!), write: new Fd(ends[1]!) };
}

/** Another descriptor for the same open file, with O_CLOEXEC (fcntl(2), F_DUPFD_CLOEXEC). @throws {SysError} */
export function duplicate(fd: Fd): Fd {
  const F_DUPFD_CLOEXEC = 1030;
  return new Fd(
    syscall("fcntl", `descriptor ${fd.number}`, SYS.fcntl, fd.number, F_DUPFD_CLOEXEC, 0),
  );
}
