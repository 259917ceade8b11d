import { pause } from "../../sys/mod.ts";

/** First pause between two tries to connect, in milliseconds; each further one is twice as long, up to the last. */
const FIRST_PAUSE = 1, LAST_PAUSE = 4;

/**
 * Connects to a Unix socket that a process just started will make.
 *
 * @param isAlive whether that process is still there
 * @param timeout milliseconds
 * @returns nothing when the process has ended, or time is up
 */
export async function connectSoon(
  path: string,
  isAlive: () => boolean,
  timeout: number,
): Promise<Deno.Conn | undefined> {
  const deadline = performance.now() + timeout;
  for (let wait = FIRST_PAUSE;; wait = Math.min(wait * 2, LAST_PAUSE)) {
    try {
      return await Deno.connect({ transport: "unix", path });
    } catch (error) {
      const notYet = error instanceof Deno.errors.NotFound ||
        error instanceof Deno.errors.ConnectionRefused;
      if (!notYet) throw error;
    }
    if (!isAlive() || performance.now() > deadline) return undefined;
    await pause(wait);
  }
}
