import { EAGAIN, readAtOnce } from "../sys/mod.ts";
import type { ByteSource } from "./streams.ts";

const STDIN = 0;

/**
 * This process's stdin. What is there already is read on this thread, without the detour over another that the runtime
 * makes for each read because it may have to wait.
 */
export class OwnStdin implements ByteSource {
  /** The kernel can tell what would take a wait: not of a terminal, nor of pipes in Linux before 6.4. */
  #tells = true;

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#tells && into.length > 0) {
      const count = readAtOnce(STDIN, into);
      if (count > 0) return count;
      if (count === 0) return null;
      if (count !== -EAGAIN) this.#tells = false;
    }
    return await Deno.stdin.read(into);
  }
}
