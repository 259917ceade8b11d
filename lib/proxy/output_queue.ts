import { readU32 } from "../hyperstart/mod.ts";
import type { SharedBuffer } from "./buffer_pool.ts";
import { PROXY_HEADER_LENGTH } from "./frame.ts";

interface Piece {
  /** Whole frames; `length` of these bytes are in use. */
  bytes: Uint8Array;
  length: number;
  /** Holds the bytes; none for a piece with a buffer of its own, which takes further small frames. */
  owner: SharedBuffer | undefined;
}

/** Up to this many bytes are copied, so that many small frames become one write and pin no read buffer. */
const SMALL = 32 * 1024;
const MAX_JOINED = 128 * 1024;
const FIRST_JOINED = 1024;

/** Frames on their way to a shim, in order: whole frames only, joined into few writes. */
export class OutputQueue {
  readonly #pieces: Piece[] = [];
  #size = 0;
  #inFlight = false;

  /** Bytes queued. */
  get size(): number {
    return this.#size;
  }

  /** Adds whole frames. Of larger ones no copy is made; `owner`'s buffer is held until they are written. */
  push(bytes: Uint8Array, owner?: SharedBuffer): void {
    this.#size += bytes.length;
    if (owner && bytes.length > SMALL) {
      owner.hold();
      this.#pieces.push({ bytes, length: bytes.length, owner });
    } else if (!this.#join(bytes)) {
      // Alone in the queue it is written at once; behind another piece it waits and should have room for more.
      const room = this.#inFlight ? Math.max(FIRST_JOINED, bytes.length) : bytes.length;
      const copy = new Uint8Array(room);
      copy.set(bytes);
      this.#pieces.push({ bytes: copy, length: bytes.length, owner: undefined });
    }
  }

  /** The bytes to write next; they stay in the queue until {@linkcode OutputQueue.wrote}. */
  take(): Uint8Array | undefined {
    const first = this.#pieces[0];
    if (!first) return undefined;
    this.#inFlight = true;
    return first.bytes.subarray(0, first.length);
  }

  /**
   * Removes the frames that `count` bytes of what {@linkcode OutputQueue.take} returned make up. A frame that was
   * written in part only stays, to be written again as a whole.
   */
  wrote(count: number): void {
    this.#inFlight = false;
    const first = this.#pieces[0];
    if (!first) return;
    if (count < first.length) {
      const kept = first.bytes.slice(wholeFrames(first.bytes, count), first.length);
      this.#size -= first.length - kept.length;
      // Its owner is not released: who was to write it may still be reading it.
      this.#pieces[0] = { bytes: kept, length: kept.length, owner: undefined };
    } else {
      this.#size -= first.length;
      first.owner?.release();
      this.#pieces.shift();
    }
  }

  /** Removes everything. */
  clear(): void {
    // What is being written may still be read: its buffer is not for use again.
    for (const piece of this.#pieces.slice(this.#inFlight ? 1 : 0)) piece.owner?.release();
    this.#pieces.length = 0;
    this.#size = 0;
  }

  /** Adds to the last piece where that is not being written and may still grow. */
  #join(bytes: Uint8Array): boolean {
    const last = this.#pieces.at(-1);
    if (!last || last.owner || (this.#inFlight && this.#pieces.length === 1)) return false;
    const length = last.length + bytes.length;
    if (length > MAX_JOINED) return false;
    if (length > last.bytes.length) {
      const grown = new Uint8Array(Math.min(MAX_JOINED, Math.max(length, last.bytes.length * 2)));
      grown.set(last.bytes.subarray(0, last.length));
      last.bytes = grown;
    }
    last.bytes.set(bytes, last.length);
    last.length = length;
    return true;
  }
}

/** Bytes of the whole proxy frames among the first `count` bytes. */
function wholeFrames(bytes: Uint8Array, count: number): number {
  let end = 0;
  for (;;) {
    const next = end + PROXY_HEADER_LENGTH <= count
      ? end + PROXY_HEADER_LENGTH + readU32(bytes, end + 8)
      : Infinity;
    if (next > count) return end;
    end = next;
  }
}
