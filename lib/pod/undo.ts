import { getLogger, type Logger } from "../log.ts";

/**
 * What has to be undone when a start fails, the last step first. A step that cannot be undone does not keep the others
 * from it, and does not hide why the start failed: it is logged.
 */
export class Undo implements AsyncDisposable {
  readonly #stack = new AsyncDisposableStack();
  readonly #logger: Logger;

  /** @param fields of the log: pod, container */
  constructor(fields: Record<string, unknown>) {
    this.#logger = getLogger("pod", fields);
  }

  /** @param what the step is, for the log: `its VM` */
  defer(what: string, action: () => unknown): void {
    this.#stack.defer(async () => {
      try {
        await action();
      } catch (error) {
        this.#logger.warn(`not cleaned up after a failed start: ${what}`, { error });
      }
    });
  }

  /** All went well: nothing is undone. */
  keep(): void {
    this.#stack.move();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}
