import { SYS } from "./numbers.ts";
import { syscall } from "./syscall.ts";

/** The time of day (clock_gettime(2)). */
export const CLOCK_REALTIME = 0;
/** The time since the boot, whether the machine slept or not. */
export const CLOCK_BOOTTIME = 7;
const SECOND = 1_000_000_000n;

/** What a clock says, in nanoseconds. @throws {SysError} */
export function clockTime(clock: number): bigint {
  // struct timespec: i64 seconds, i64 nanoseconds.
  const time = new BigInt64Array(2);
  syscall("clock_gettime", `clock ${clock}`, SYS.clock_gettime, clock, new Uint8Array(time.buffer));
  return time[0]! * SECOND + time[1]!;
}

/** Size of struct timex, where its modes and its time are in it, and ADJ_SETOFFSET (linux/timex.h, 64 bits). */
const TIMEX_SIZE = 208, TIMEX_MODES = 0, TIMEX_SECONDS = 72, TIMEX_MICROSECONDS = 80;
const ADJ_SETOFFSET = 0x0100;
const MICROSECONDS = 1_000_000;

/**
 * Moves a clock in one step, however long this process has to wait for a processor (clock_adjtime(2)).
 *
 * @param offset microseconds, forward or back
 * @throws {SysError}
 */
export function moveClockBy(clock: number, offset: number): void {
  const seconds = Math.floor(offset / MICROSECONDS);
  const timex = new DataView(new ArrayBuffer(TIMEX_SIZE));
  timex.setUint32(TIMEX_MODES, ADJ_SETOFFSET, true);
  timex.setBigInt64(TIMEX_SECONDS, BigInt(seconds), true);
  timex.setBigInt64(TIMEX_MICROSECONDS, BigInt(offset - seconds * MICROSECONDS), true);
  const bytes = new Uint8Array(timex.buffer);
  syscall("clock_adjtime", `clock ${clock}`, SYS.clock_adjtime, clock, bytes);
}
