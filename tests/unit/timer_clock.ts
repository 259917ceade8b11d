const PAUSE = 10, PATIENCE = 30_000;

/**
 * A clock that stands still but for timers: each in its turn moves it to the moment that it is due. What is told by it is
 * the time that was waited on purpose, whatever else the machine does. Timers that were set before it was made are
 * none of its.
 */
export class TimerClock implements Disposable {
  readonly #timers = new Map<number, { due: number; call: () => void }>();
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;
  readonly #performanceNow = performance.now;
  readonly #start = performance.now();
  #now = this.#start;
  /** Negative, unlike those of the runtime. */
  #lastId = 0;

  constructor() {
    const set = (call: (...args: unknown[]) => void, delay = 0, ...args: unknown[]) => {
      const id = --this.#lastId;
      this.#timers.set(id, { due: this.#now + delay, call: () => call(...args) });
      return id;
    };
    const clear = (id?: number) => {
      if (id === undefined || !this.#timers.delete(id)) this.#clearTimeout.call(globalThis, id);
    };
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
    performance.now = () => this.#now;
  }

  /**
   * What `work` comes to, which must need no timer that is due later than `milliseconds` after the clock was made.
   *
   * @param between done while a timer waits, before it fires
   */
  async within<T>(
    milliseconds: number,
    work: Promise<T>,
    between: () => Promise<void> = async () => {},
  ): Promise<T> {
    let over = false;
    const end = () => over = true;
    work.then(end, end);
    const start = Date.now();
    for (;;) {
      await this.#pause();
      if (over) return await work;
      if (Date.now() - start > PATIENCE) {
        throw new Error(`It needs more than ${milliseconds} ms: all timers up to then have fired`);
      }
      if (!this.#next(this.#start + milliseconds)) continue;
      await between();
      await this.#pause();
      this.#fire(this.#next(this.#start + milliseconds));
    }
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, {
      setTimeout: this.#setTimeout,
      clearTimeout: this.#clearTimeout,
    });
    performance.now = this.#performanceNow;
  }

  /** A true moment, in which this clock stands still and what is under way goes on. */
  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => this.#setTimeout.call(globalThis, resolve, PAUSE));
  }

  /** The timer that is due first, if that is no later than `last`. */
  #next(last: number): number | undefined {
    const [first] = [...this.#timers].toSorted(([, a], [, b]) => a.due - b.due);
    return first && first[1].due <= last ? first[0] : undefined;
  }

  #fire(id: number | undefined): void {
    const timer = this.#timers.get(id ?? 0);
    if (!timer) return;
    this.#timers.delete(id!);
    this.#now = timer.due;
    timer.call();
  }
}
