/** Bytes that a file may take, and how much of its end is kept when it takes more. */
const MOST = 1024 * 1024, KEPT = 64 * 1024;
/** How often the file is looked at, in milliseconds. */
const INTERVAL = 1000;
/** Unit of `st_blocks` (stat(2)). */
const BLOCK = 512;

/**
 * Keeps a file small that another program appends to without end, as long as the scope lasts or this process runs. What
 * is old becomes a hole: the writer and those who follow the file notice nothing, and its end is always there.
 */
export class BoundedFile implements Disposable {
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param path of the file, which may not be there yet, or no more; where it may move, what tells where it is */
  constructor(path: string | (() => string)) {
    this.#timer = setInterval(() => bound(typeof path === "string" ? path : path()), INTERVAL);
    Deno.unrefTimer(this.#timer);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

async function bound(path: string): Promise<void> {
  try {
    if ((Deno.statSync(path).blocks ?? 0) * BLOCK <= MOST) return;
    // A small file is no reason to load what makes system calls.
    const { cutFile } = await import("./sys/mod.ts");
    cutFile(path, KEPT);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    const { getLogger } = await import("./log.ts");
    getLogger("console").warn("file not kept small", { path, error });
  }
}
