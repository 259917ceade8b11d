/** Lets one caller at a time through, in the order in which they came. */
export class Turn {
  #last: Promise<void> = Promise.resolve();

  /** Waits for this caller's turn; disposing of the result ends it. */
  async take(): Promise<Disposable> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    return { [Symbol.dispose]: resolve };
  }
}
