/** A stream of bytes in both directions: a socket's, or one within this process. */
export interface Connection {
  /** Reads what is there, waiting for some. @returns bytes read; null at the end */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes, at least one. @returns how many */
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
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
  /** Bytes of it that were read. */
  at: number;
  /** The writer, who waits until all of it was read. */
  writer: PromiseWithResolvers<number> | undefined;
}

/** Who waits for bytes. */
interface Reader {
  into: Uint8Array;
  done: PromiseWithResolvers<number | null>;
}

/** One direction. Where a reader waits, or much is written, the bytes are copied once, from the writer's to the reader's. */
class Lane {
  readonly #pieces: Piece[] = [];
  #size = 0;
  #reader: Reader | undefined;
  #ended = false;
  #abandoned = false;

  async write(bytes: Uint8Array): Promise<number> {
    if (this.#ended || this.#abandoned) throw new Deno.errors.BrokenPipe();
    if (this.#reader) return this.#handOver(this.#reader, bytes);
    if (this.#size + bytes.length <= ROOM) {
      this.#push(bytes.slice(), undefined);
      return bytes.length;
    }
    const writer = Promise.withResolvers<number>();
    this.#push(bytes, writer);
    return await writer.promise;
  }

  async read(into: Uint8Array): Promise<number | null> {
    if (this.#abandoned) throw new Deno.errors.BadResource();
    if (this.#pieces.length > 0) return this.#take(into);
    if (this.#ended) return null;
    const done = Promise.withResolvers<number | null>();
    this.#reader = { into, done };
    return await done.promise;
  }

  /** The writer has closed its end: what is there can still be read, but for what it was waiting with. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader?.done.resolve(null);
    this.#reader = undefined;
    const waiting = this.#pieces.findIndex(({ writer }) => writer);
    if (waiting >= 0) this.#refuse(this.#pieces.splice(waiting));
  }

  /** The reader has closed its end. */
  abandon(): void {
    if (this.#abandoned) return;
    this.#abandoned = true;
    this.#reader?.done.reject(new Deno.errors.BadResource());
    this.#reader = undefined;
    this.#refuse(this.#pieces.splice(0));
  }

  #handOver({ into, done }: Reader, bytes: Uint8Array): number {
    this.#reader = undefined;
    const part = bytes.subarray(0, into.length);
    into.set(part);
    done.resolve(part.length);
    return part.length;
  }

  #push(bytes: Uint8Array, writer: Piece["writer"]): void {
    this.#pieces.push({ bytes, at: 0, writer });
    this.#size += bytes.length;
  }

  #take(into: Uint8Array): number {
    let count = 0;
    for (let piece; count < into.length && (piece = this.#pieces[0]);) {
      const part = piece.bytes.subarray(piece.at, piece.at + into.length - count);
      into.set(part, count);
      count += part.length;
      piece.at += part.length;
      if (piece.at < piece.bytes.length) break;
      this.#pieces.shift();
      piece.writer?.resolve(piece.bytes.length);
    }
    this.#size -= count;
    return count;
  }

  #refuse(pieces: Piece[]): void {
    for (const { writer } of pieces) writer?.reject(new Deno.errors.BrokenPipe());
  }
}
