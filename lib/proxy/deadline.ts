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
