import {
  CLOCK_REALTIME,
  clockTime,
  type Fd,
  moveClockBy,
  O_WRONLY,
  open,
  SYS,
  syscall,
} from "../../sys/mod.ts";

/** linux/random.h: _IOW('R', 3, int[2]), _IO('R', 7). */
const RNDADDENTROPY = 0x40085203, RNDRESEEDCRNG = 0x5207;
const MICROSECOND = 1000n;

/*
 * What a machine that was saved and restored, perhaps many times at once, must have of its own before it runs anything
 * of its pod's. A machine that has booted gets it too: its entropy is scarce, and its clock is right to a second only.
 */

/**
 * Adds secret bytes of the host's to the kernel's pool and has its generator seeded anew, on all processors: what it
 * gives from now on has nothing to do with what it would have given (random(4)).
 *
 * @throws {SysError}
 */
export function addEntropy(bytes: Uint8Array): void {
  // struct rand_pool_info: i32 bits of entropy, i32 size in bytes, the bytes.
  const info = new Uint8Array(8 + bytes.length);
  const view = new DataView(info.buffer);
  view.setInt32(0, bytes.length * 8, true);
  view.setInt32(4, bytes.length, true);
  info.set(bytes, 8);
  device ??= open("/dev/urandom", O_WRONLY);
  syscall("ioctl", "RNDADDENTROPY", SYS.ioctl, device.number, RNDADDENTROPY, info);
  syscall("ioctl", "RNDRESEEDCRNG", SYS.ioctl, device.number, RNDRESEEDCRNG, 0);
}

/** Stays open: a restored machine then has one path less to look up. */
let device: Fd | undefined;

/** The time of day, in microseconds since 1970. */
export function timeOfDay(): number {
  return Number(clockTime(CLOCK_REALTIME) / MICROSECOND);
}

/** Sets the clock forward, or back. @param offset microseconds @throws {SysError} */
export function moveClock(offset: number): void {
  moveClockBy(CLOCK_REALTIME, offset);
}
