/** How long a step may take before it is worth telling, in milliseconds. */
const PATIENCE = 300;

/**
 * One line on a terminal's stderr that says what takes so long, and is gone when it is done. Without a terminal it
 * says nothing.
 */
export class Progress implements Disposable {
  readonly #terminal = Deno.stderr.isTerminal();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #shown = false;
  #step = "";

  /** Says what is being done now. It appears when it takes a while. */
  show(step: string): void {
    this.#step = step;
    if (!this.#terminal) return;
    if (this.#shown) return this.#draw();
    this.#timer ??= setTimeout(() => this.#draw(), PATIENCE);
  }

  /** Takes the line away. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#shown) write("\r\x1b[K");
    this.#shown = false;
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  #draw(): void {
    this.#shown = true;
    write(`\r\x1b[K${this.#step} …`);
  }
}

function write(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
