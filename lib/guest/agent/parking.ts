import { SysError } from "../../sys/mod.ts";
import { note } from "./note.ts";
import { ParkedContainer } from "./parked_container.ts";
import type { ContainerSpec } from "./runtime.ts";

/** The process that waits for the next container, if there is one. */
export class Parking implements Disposable {
  readonly #cgroups: string | undefined;
  readonly #nextName: () => string;
  #waiting: ParkedContainer | undefined;

  /**
   * @param cgroups directory below which containers have theirs
   * @param nextName a name that no container has
   */
  constructor(cgroups: string | undefined, nextName: () => string) {
    this.#cgroups = cgroups;
    this.#nextName = nextName;
  }

  /** The one that waits, if a container can be made of it; else it waits for another: ending it would delay this one. */
  take(spec: ContainerSpec): ParkedContainer | undefined {
    const waiting = this.#waiting;
    if (waiting?.waits && !waiting.fits(spec)) return undefined;
    this.#waiting = undefined;
    if (waiting?.waits) return waiting;
    waiting?.[Symbol.dispose]();
    return undefined;
  }

  /** Has one wait, unless one does. @param withRoot whether it gets a built-in root */
  refill(withRoot: boolean): void {
    if (this.#waiting) return;
    try {
      this.#waiting = new ParkedContainer(this.#nextName(), this.#cgroups, withRoot);
    } catch (error) {
      if (!(error instanceof SysError)) throw error;
      note(`Cannot make the next container's process: ${error.message}`);
    }
  }

  [Symbol.dispose](): void {
    this.#waiting?.[Symbol.dispose]();
    this.#waiting = undefined;
  }
}
