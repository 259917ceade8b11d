import { within } from "./deadline.ts";

/** Something that is either so or not (yet), and that others wait for. It can be set any number of times. */
export class Gate {
  #open = false;
  #failure: Error | undefined;
  #waiting = Promise.withResolvers<void>();

  get isOpen(): boolean {
    return this.#open;
  }

  /** Whether it will never open any more for those who wait. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Lets everybody through from now on. */
  open(): void {
    this.#open = true;
    this.#waiting.resolve();
  }

  /** Makes later callers wait again. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#waiting = Promise.withResolvers();
  }

  /** Everybody who waits, now or later, gets this error, unless the gate is open. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting.promise.catch(() => {});
    this.#waiting.reject(this.#failure);
  }

  /** Waits for the gate to open, for at most `milliseconds`: then a `TimeoutError` with `message`. */
  async wait(milliseconds: number, message: string): Promise<void> {
    if (this.#open) return;
    if (this.#failure) throw this.#failure;
    await within(this.#waiting.promise, milliseconds, () => message);
  }
}
