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

/** Sets a clock. @param time nanoseconds @throws {SysError} */
export function setClock(clock: number, time: bigint): void {
  const words = new BigInt64Array([time / SECOND, time % SECOND]);
  syscall(
    "clock_settime",
    `clock ${clock}`,
    SYS.clock_settime,
    clock,
    new Uint8Array(words.buffer),
  );
}
