/** A stream of bytes in both directions: a socket's, or one within this process. */
export interface Connection {
  /** Reads what is there, waiting for some. @returns bytes read; null at the end */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes, at least one. @returns how many */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
  /** In place of `read`, where the writer is in this process: what it has written, without a copy. */
  take?(): Promise<TakenBytes | null>;
}

/** Bytes that are the reader's, to change too, until it says that it has used them: then they count as written. */
export interface TakenBytes {
  bytes: Uint8Array;
  used(): void;
}

/** Bytes that wait for the reader without holding up the writer, as in a socket's buffer. */
const ROOM = 16 * 1024;

/** Two ends of a connection within this process: what is written to one is read from the other. */
export function connectionPair(): [Connection, Connection] {
  const there = new Lane(), back = new Lane();
  return [new End(back, there), new End(there, back)];
}

class End implements Connection {
  readonly #incoming: Lane;
  readonly #outgoing: Lane;

  constructor(incoming: Lane, outgoing: Lane) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#incoming.read(into);
  }

  take(): Promise<TakenBytes | null> {
    return this.#incoming.take();
  }

  write(bytes: Uint8Array): Promise<number> {
    return this.#outgoing.write(bytes);
  }

  close(): void {
    this.#incoming.abandon();
    this.#outgoing.end();
  }
}

/** Bytes on their way. */
interface Piece {
  bytes: Uint8Array;
  /** Tells its writer that they were read; none for a copy. */
  writer: PromiseWithResolvers<number> | undefined;
}

/** One direction. */
class Lane {
  readonly #pieces: Piece[] = [];
  #size = 0;
  /** What the reader took last, and may still be using. */
  #taken: Piece | undefined;
  #changed = Promise.withResolvers<void>();
  #ended = false;
  #abandoned = false;

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#ended || this.#abandoned) throw new Deno.errors.BrokenPipe();
    const isSmall = this.#size + bytes.length <= ROOM;
    const writer = isSmall ? undefined : Promise.withResolvers<number>();
    this.#pieces.push({ bytes: isSmall ? bytes.slice() : bytes, writer });
    this.#size += bytes.length;
    this.#changed.resolve();
    return await writer?.promise ?? bytes.length;
  }

  async take(): Promise<TakenBytes | null> {
    const piece = this.#taken = await this.#next();
    if (!piece) return null;
    const { bytes, writer } = piece;
    return { bytes, used: () => writer?.resolve(bytes.length) };
  }

  async read(into: Uint8Array): Promise<number | null> {
    const piece = await this.#next();
    if (!piece) return null;
    const { bytes, writer } = piece;
    const count = Math.min(into.length, bytes.length);
    into.set(bytes.subarray(0, count));
    if (count < bytes.length && !writer) {
      this.#pieces.unshift({ bytes: bytes.subarray(count), writer });
      this.#size += bytes.length - count;
    }
    writer?.resolve(count);
    return count;
  }

  /** The writer has closed its end: what it has written can still be read. */
  end(): void {
    this.#ended = true;
    const waiting = this.#pieces.findIndex(({ writer }) => writer);
    this.#refuse(waiting < 0 ? [] : this.#pieces.splice(waiting));
  }

  /** The reader has closed its end. */
  abandon(): void {
    this.#abandoned = true;
    this.#refuse(this.#pieces.splice(0));
  }

  /** Waits for the next piece; nothing at the end. @throws {Deno.errors.BadResource} once it is abandoned */
  async #next(): Promise<Piece | undefined> {
    for (;;) {
      if (this.#abandoned) throw new Deno.errors.BadResource();
      const piece = this.#pieces.shift();
      this.#size -= piece?.bytes.length ?? 0;
      if (piece || this.#ended) return piece;
      this.#changed = Promise.withResolvers();
      await this.#changed.promise;
    }
  }

  #refuse(pieces: readonly Piece[]): void {
    this.#taken?.writer?.reject(new Deno.errors.BrokenPipe());
    for (const { writer } of pieces) writer?.reject(new Deno.errors.BrokenPipe());
    this.#changed.resolve();
  }
}
