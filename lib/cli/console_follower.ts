/** How often the console is looked at, in milliseconds. */
const INTERVAL = 50;

/** Copies what a guest writes to its console to stderr, from now until the scope ends. */
export class ConsoleFollower implements Disposable {
  readonly #file: Deno.FsFile;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #buffer = new Uint8Array(16 * 1024);
  readonly #decoder = new TextDecoder();

  /** @param path file that the hypervisor writes the console to; it may be removed meanwhile */
  constructor(path: string) {
    this.#file = Deno.openSync(path);
    this.#timer = setInterval(() => this.#copy(), INTERVAL);
  }

  #copy(): void {
    for (;;) {
      const count = this.#file.readSync(this.#buffer);
      if (!count) return;
      const text = this.#decoder.decode(this.#buffer.subarray(0, count), { stream: true });
      // The guest must not steer the terminal. A carriage return before a new line is a console's way.
      // deno-lint-ignore no-control-regex -- control characters are what is taken out
      const shown = text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "");
      Deno.stderr.writeSync(new TextEncoder().encode(shown));
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#copy();
    this.#file.close();
  }
}
