import { EINTR } from "./errno.ts";
import { O_NONBLOCK } from "./fd.ts";
import { SYS } from "./numbers.ts";
import { EPOLLIN, EPOLLOUT } from "./poller.ts";
import { addressOf, rawSyscall, type SysArg, syscall } from "./syscall.ts";

const F_GETFL = 3, F_SETFL = 4;
/** linux/fs.h */
const RWF_NOWAIT = 8;

/**
 * Reads what is there into `memory` (read(2)).
 *
 * @returns bytes read, 0 at the end of file, -errno for an error: of a nonblocking descriptor mostly -EAGAIN
 */
export function readSome(fd: number, memory: Uint8Array): number {
  return retried(SYS.read, fd, memory, memory.byteLength);
}

/**
 * Reads what can be had at once, though the descriptor is a blocking one (preadv2(2), RWF_NOWAIT): of a pipe what is in
 * it, of a file what the kernel has in memory.
 *
 * @returns bytes read, 0 at the end of file, -EAGAIN when it would take a wait, another -errno for an error: -EOPNOTSUPP
 * where nothing can be read like this
 */
export function readAtOnce(fd: number, memory: Uint8Array): number {
  // struct iovec: the address and the length of one piece of memory.
  const pieces = new BigUint64Array([addressOf(memory), BigInt(memory.byteLength)]);
  // At the file's own offset, which it moves.
  return retried(SYS.preadv2, fd, new Uint8Array(pieces.buffer), 1, -1, -1, RWF_NOWAIT);
}

/** Writes what fits of `bytes` (write(2)). @returns bytes written, -errno for an error */
export function writeSome(fd: number, bytes: Uint8Array): number {
  return retried(SYS.write, fd, bytes, bytes.byteLength);
}

/** What is to be had of a descriptor right now (poll(2)): EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. @throws {SysError} */
export function readyEvents(fd: number): number {
  // struct pollfd: i32 descriptor, i16 what is asked for, i16 what there is.
  const entry = new DataView(new ArrayBuffer(8));
  entry.setInt32(0, fd, true);
  entry.setInt16(4, EPOLLIN | EPOLLOUT, true);
  const memory = new Uint8Array(entry.buffer);
  syscall("poll", `descriptor ${fd}`, SYS.poll, memory, 1, 0);
  return entry.getInt16(6, true);
}

/** Makes reads and writes return -EAGAIN instead of waiting. */
export function setNonblocking(fd: number): void {
  const flags = syscall("fcntl", `descriptor ${fd}`, SYS.fcntl, fd, F_GETFL);
  syscall("fcntl", `descriptor ${fd}`, SYS.fcntl, fd, F_SETFL, flags | O_NONBLOCK);
}

/** Gives the file behind a descriptor to another user (fchown(2)); -1 leaves a number as it is. */
export function changeOwner(fd: number, uid: number, gid: number): void {
  syscall("fchown", `descriptor ${fd}`, SYS.fchown, fd, uid, gid);
}

function retried(number: number, ...args: SysArg[]): number {
  for (;;) {
    const result = rawSyscall(number, ...args);
    if (result !== -EINTR) return result;
  }
}
