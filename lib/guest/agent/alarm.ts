import { EPOLLIN, Fd, type Poller, readSome, SYS, syscall } from "../../sys/mod.ts";

const CLOCK_MONOTONIC = 1, TFD_NONBLOCK = 0o4000, TFD_CLOEXEC = 0o2000000;

/**
 * Does something a while after it was asked to (timerfd_create(2)). All of it is there before it is needed: the runtime's own
 * timers, used for the first time in a restored machine, would take as long there as a container's start.
 */
export class Alarm {
  readonly #timer: Fd;
  readonly #time: Uint8Array;

  /**
   * @param delay milliseconds, less than a second
   * @param ring called each time; it must not throw
   */
  constructor(poller: Poller, delay: number, ring: () => void) {
    // struct itimerspec: the interval, then the time; each i64 seconds, i64 nanoseconds.
    this.#time = new Uint8Array(new BigInt64Array([0n, 0n, 0n, BigInt(delay * 1e6)]).buffer);
    const flags = TFD_NONBLOCK | TFD_CLOEXEC;
    this.#timer = new Fd(
      syscall("timerfd_create", "a timer", SYS.timerfd_create, CLOCK_MONOTONIC, flags),
    );
    const expirations = new Uint8Array(8);
    poller.watch(this.#timer.number, EPOLLIN, () => {
      // Nothing is there when it was set again meanwhile.
      if (readSome(this.#timer.number, expirations) > 0) ring();
    });
  }

  /** Rings once when the delay is over, and no more for an earlier call. */
  set(): void {
    const { number } = this.#timer;
    syscall("timerfd_settime", "a timer", SYS.timerfd_settime, number, 0, this.#time, 0);
  }
}
