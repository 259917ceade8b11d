/** A time limit was reached. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/**
 * The outcome of `work`, or a {@linkcode TimeoutError} with `message` when it takes longer than `milliseconds`. What
 * becomes of the work after that is the caller's affair; its failure is then not reported.
 */
export async function within<T>(
  work: Promise<T>,
  milliseconds: number,
  message: () => string,
): Promise<T> {
  const { promise: expired, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new TimeoutError(message())), milliseconds);
  try {
    return await Promise.race([work, expired]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Many time limits of one length at little cost: they end in the order of their start, so that one timer, which is
 * left to run when its limit was kept, does for all.
 */
export class Deadlines {
  readonly #milliseconds: number;
  readonly #running = new Set<{ end: number; expire: () => void }>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(milliseconds: number) {
    this.#milliseconds = milliseconds;
  }

  /** Has `expire` called when the time is over, unless the function that is returned was called before. */
  start(expire: () => void): () => void {
    const limit = { end: performance.now() + this.#milliseconds, expire };
    this.#running.add(limit);
    this.#timer ??= setTimeout(() => this.#check(), this.#milliseconds);
    return () => void this.#running.delete(limit);
  }

  /** Forgets them all. */
  close(): void {
    this.#running.clear();
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #check(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const limit of this.#running) {
      if (limit.end > now) {
        this.#timer = setTimeout(() => this.#check(), limit.end - now);
        return;
      }
      this.#running.delete(limit);
      limit.expire();
    }
  }
}
