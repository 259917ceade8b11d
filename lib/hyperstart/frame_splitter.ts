/** A byte stream that breaks the framing. The stream cannot be read any further. */
export class FrameError extends Error {
  override readonly name = "FrameError";
}

/** How a {@linkcode FrameSplitter} finds the end of a frame. */
export interface Framing {
  /** Bytes that must be there before {@linkcode Framing.frameLength} can tell the length. */
  readonly headerLength: number;
  /** Length in bytes of the whole frame whose header starts at `offset`. Throws {@linkcode FrameError}. */
  frameLength(bytes: Uint8Array, offset: number): number;
  /** Longest frame accepted, header included. */
  readonly maxFrame: number;
}

const NOTHING = new Uint8Array(0);
const FIRST_ALLOCATION = 512;

/**
 * Cuts a byte stream, arriving in chunks of any size, into whole frames.
 *
 * A frame that lies whole in one chunk is handed out as a view of that chunk, so the chunk must stay unchanged while
 * its frames are in use; consecutive views of one chunk are adjacent in it. A frame that spans chunks is put together in
 * a buffer of its own, which grows with the bytes that really arrive, never with the length that a header claims.
 * After a {@linkcode FrameError} every further call throws the same error.
 */
export class FrameSplitter {
  readonly #framing: Framing;
  #chunk: Uint8Array = NOTHING;
  #offset = 0;
  #partial: Uint8Array = NOTHING;
  #partialLength = 0;
  #error: FrameError | undefined;

  constructor(framing: Framing) {
    this.#framing = framing;
  }

  /** Adds the next bytes of the stream. Everything before must have been taken with {@linkcode next}. */
  push(chunk: Uint8Array): void {
    if (this.#error) throw this.#error;
    if (this.#offset < this.#chunk.length) {
      throw new Error("Cannot push a chunk: frames of the previous one are waiting");
    }
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** The next whole frame, or undefined when more bytes are needed. Throws {@linkcode FrameError}. */
  next(): Uint8Array | undefined {
    if (this.#error) throw this.#error;
    try {
      return this.#partialLength > 0 ? this.#completePartial() : this.#cutFromChunk();
    } catch (error) {
      if (error instanceof FrameError) this.#error = error;
      throw error;
    }
  }

  /**
   * As many of the next frames as lie whole in the chunk and are `wanted`, as one view: many small frames then cost no
   * object each. Undefined when the next frame is none of these: {@linkcode next} takes it.
   *
   * @param wanted tells by the header at an offset; one whose length cannot be told is not wanted
   */
  nextRun(wanted: (bytes: Uint8Array, offset: number) => boolean): Uint8Array | undefined {
    if (this.#error || this.#partialLength > 0) return undefined;
    const chunk = this.#chunk;
    const start = this.#offset;
    while (chunk.length - this.#offset >= this.#framing.headerLength) {
      if (!wanted(chunk, this.#offset)) break;
      const length = this.#framing.frameLength(chunk, this.#offset);
      if (length > this.#framing.maxFrame || this.#offset + length > chunk.length) break;
      this.#offset += length;
    }
    return this.#offset > start ? chunk.subarray(start, this.#offset) : undefined;
  }

  /** Bytes held of a frame that is not whole yet: more than 0 at the end of a stream means that it was cut off. */
  get pendingBytes(): number {
    return this.#partialLength + this.#chunk.length - this.#offset;
  }

  #cutFromChunk(): Uint8Array | undefined {
    const available = this.#chunk.length - this.#offset;
    if (available === 0) return undefined;
    if (available >= this.#framing.headerLength) {
      const length = this.#checkedLength(this.#chunk, this.#offset);
      if (available >= length) {
        const frame = this.#chunk.subarray(this.#offset, this.#offset + length);
        this.#offset += length;
        return frame;
      }
    }
    this.#keep(available);
    return undefined;
  }

  #completePartial(): Uint8Array | undefined {
    const { headerLength } = this.#framing;
    const available = () => this.#chunk.length - this.#offset;
    if (this.#partialLength < headerLength) {
      this.#keep(Math.min(available(), headerLength - this.#partialLength));
      if (this.#partialLength < headerLength) return undefined;
    }
    const length = this.#checkedLength(this.#partial, 0);
    this.#keep(Math.min(available(), length - this.#partialLength), length);
    if (this.#partialLength < length) return undefined;
    const frame = this.#partial.subarray(0, length);
    this.#partial = NOTHING;
    this.#partialLength = 0;
    return frame;
  }

  /**
   * Moves what is held of an unfinished frame to the start of `into`, for a reader that reads on behind it and pushes
   * both together: frames then lie whole in the reader's buffers, and none is put together in one of its own.
   *
   * @returns how many bytes were moved: 0 when there are none, or when the whole frame would not fit
   */
  movePending(into: Uint8Array): number {
    const count = this.#partialLength;
    if (count === 0 || this.#error) return 0;
    const { headerLength } = this.#framing;
    const whole = count < headerLength ? headerLength : this.#checkedLength(this.#partial, 0);
    if (whole > into.length) return 0;
    into.set(this.#partial.subarray(0, count));
    this.#partialLength = 0;
    return count;
  }

  #checkedLength(bytes: Uint8Array, offset: number): number {
    const length = this.#framing.frameLength(bytes, offset);
    if (length > this.#framing.maxFrame) {
      throw new FrameError(
        `Cannot read a frame: its length ${length} is over the limit of ${this.#framing.maxFrame} bytes`,
      );
    }
    return length;
  }

  /** Moves `count` bytes from the chunk to the frame being put together, whose length will be `expected` if known. */
  #keep(count: number, expected = Infinity): void {
    if (count === 0) return;
    const needed = this.#partialLength + count;
    if (needed > this.#partial.length) {
      const doubled = Math.max(FIRST_ALLOCATION, this.#partial.length * 2);
      const grown = new Uint8Array(Math.max(needed, Math.min(doubled, expected)));
      grown.set(this.#partial.subarray(0, this.#partialLength));
      this.#partial = grown;
    }
    this.#partial.set(
      this.#chunk.subarray(this.#offset, this.#offset + count),
      this.#partialLength,
    );
    this.#partialLength = needed;
    this.#offset += count;
  }
}
