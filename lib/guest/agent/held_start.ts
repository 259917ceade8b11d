import type { HeldProcess, Poller, SysError } from "../../sys/mod.ts";
import type { StartHooks } from "./start_hooks.ts";

/** What is left to be done of the start of a container whose first process waits. */
export class HeldStart implements Disposable {
  readonly #process: HeldProcess;
  readonly #hooks: StartHooks | undefined;
  readonly #resources: DisposableStack;

  /** @param resources what the two have open: this object's to close */
  constructor(process: HeldProcess, hooks: StartHooks | undefined, resources: DisposableStack) {
    this.#process = process;
    this.#hooks = hooks;
    this.#resources = resources;
  }

  /** Whether programs are to run before its own, whose failure fails the start. */
  get hasHooks(): boolean {
    return this.#hooks !== undefined;
  }

  /** Lets the process go on, once; resolves when its program has been executed. @throws when that was not to be */
  async release(poller: Poller): Promise<void> {
    try {
      await this.#process.release(poller);
    } catch (error) {
      throw this.#hooks ? this.#hooks.explain(error) : error;
    } finally {
      this[Symbol.dispose]();
    }
  }

  /** Lets the process go on, once, and waits for nothing. */
  letGo(): void {
    this.#process.letGo();
  }

  /** Why the program of a process was not executed that was let go on and has ended; nothing when it was. */
  failure(): SysError | undefined {
    return this.#process.failure();
  }

  [Symbol.dispose](): void {
    this.#resources.dispose();
  }
}
