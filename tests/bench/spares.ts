/** Spares that wait, and the end of those that are made in their place. */
import { join } from "@std/path";
import { signalProcess, SIGNALS } from "../../lib/sys/mod.ts";
import type { Place } from "./podvisor.ts";

const LOOK = 50, PATIENCE = 30_000;

/** A place with spares, one of each shape. Disposing of it ends all that wait there. */
export class Spares implements AsyncDisposable {
  /** What a command is to have in its environment that takes one. */
  readonly env = { PODVISOR_SPARES: "1" };
  readonly #directory: string;
  readonly #count: number;

  private constructor(place: Place, count: number) {
    this.#directory = join(place.state, "spares/pods");
    this.#count = count;
  }

  /**
   * @param networks a spare is there for each of them
   * @returns when the spares are there
   */
  static async make(place: Place, networks: readonly string[] = ["none"]): Promise<Spares> {
    const spares = new Spares(place, networks.length);
    for (const network of networks) {
      const { code } = await new Deno.Command(place.binary, {
        args: ["run", "--network", network, "busybox", "true"],
        env: place.env({ PODVISOR_TEMPLATE: "use", ...spares.env }),
      }).output();
      if (code !== 0) throw new Error(`Cannot make a spare: the command ended with ${code}`);
    }
    await spares.madeUp();
    return spares;
  }

  /** Waits until one that was taken has been made up for. */
  async madeUp(): Promise<void> {
    await this.#until(() => this.#keepers().length === this.#count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.madeUp();
    for (const keeper of this.#keepers()) signalProcess(keeper, SIGNALS.TERM!);
    await this.#until(() => this.#names().length === 0);
  }

  /** Processes that keep those that wait. */
  #keepers(): number[] {
    return this.#names().flatMap((name) => {
      try {
        const text = Deno.readTextFileSync(join(this.#directory, name, "spare.json"));
        return [JSON.parse(text).keeper.pid];
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return [];
        throw error;
      }
    });
  }

  #names(): string[] {
    try {
      return [...Deno.readDirSync(this.#directory)].map(({ name }) => name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  async #until(holds: () => boolean): Promise<void> {
    for (let waited = 0; !holds(); waited += LOOK) {
      if (waited > PATIENCE) throw new Error(`Waited in vain for a change in ${this.#directory}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  }
}
