import type { ByteSource } from "./streams.ts";

const NOTHING = new Uint8Array(0);

/** Input that many may write and one reads. */
export class InputQueue implements ByteSource {
  readonly #pieces: { bytes: Uint8Array; taken(): void }[] = [];
  #ended = false;
  #changed = Promise.withResolvers<void>();

  /** Adds a piece; resolves when it has been read. Nothing ends the input; what comes later is dropped. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#ended) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (bytes.length === 0) this.#ended = true;
    else this.#pieces.push({ bytes: bytes.slice(), taken: resolve });
    this.#changed.resolve();
    if (bytes.length > 0) await promise;
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#pieces.length === 0) {
      if (this.#ended) return null;
      this.#changed = Promise.withResolvers();
      await this.#changed.promise;
    }
    const first = this.#pieces[0]!;
    const part = first.bytes.subarray(0, into.length);
    into.set(part);
    first.bytes = part.length < first.bytes.length ? first.bytes.subarray(part.length) : NOTHING;
    if (first.bytes.length === 0) this.#pieces.shift()!.taken();
    return part.length;
  }
}
