import { readU32, writeU32 } from "./byte_order.ts";
import type { DecoderOptions } from "./control_frame.ts";
import { FrameError, FrameSplitter } from "./frame_splitter.ts";

/** Bytes of a stream header: u64 sequence, u32 length of header and payload, both big-endian. */
export const STREAM_HEADER_LENGTH = 12;

/** Longest stream payload that cc-proxy and virtcontainers send and the Go agent takes: 10240 less the header. */
export const MAX_FOREIGN_STREAM_PAYLOAD = 10228;

/** Default bound for a received stream frame. */
export const MAX_STREAM_FRAME = 1 << 20;

/** One piece of a process's input or output. */
export interface StreamFrame {
  /**
   * Whose stream it is. Sequences that hosts hand out are small; one above 2^53 - 1 comes out rounded and so still
   * equals none of them.
   */
  sequence: number;
  payload: Uint8Array;
  /** The whole frame, header included. Frames that came in one chunk are adjacent in it. */
  bytes: Uint8Array;
}

/** Writes the header of a frame with `payloadLength` bytes of payload at `offset`. */
export function writeStreamHeader(
  bytes: Uint8Array,
  offset: number,
  sequence: number,
  payloadLength: number,
): void {
  writeU32(bytes, offset, Math.floor(sequence / 2 ** 32));
  writeU32(bytes, offset + 4, sequence);
  writeU32(bytes, offset + 8, STREAM_HEADER_LENGTH + payloadLength);
}

/** The bytes of a stream frame. An empty payload is end of file. */
export function encodeStreamFrame(sequence: number, payload?: Uint8Array): Uint8Array {
  const length = payload?.length ?? 0;
  const frame = new Uint8Array(STREAM_HEADER_LENGTH + length);
  writeStreamHeader(frame, 0, sequence, length);
  if (payload) frame.set(payload, STREAM_HEADER_LENGTH);
  return frame;
}

/** Reads stream frames from a byte stream in chunks of any size: `push` one, then take frames with `next`. */
export class StreamDecoder {
  readonly #splitter: FrameSplitter;

  constructor({ maxFrame = MAX_STREAM_FRAME }: DecoderOptions = {}) {
    this.#splitter = new FrameSplitter({
      headerLength: STREAM_HEADER_LENGTH,
      maxFrame,
      frameLength(bytes, offset) {
        const length = readU32(bytes, offset + 8);
        if (length < STREAM_HEADER_LENGTH) {
          throw new FrameError(
            `Cannot read a stream frame: its length ${length} is below its header's ${STREAM_HEADER_LENGTH} bytes`,
          );
        }
        return length;
      },
    });
  }

  /** Adds the next bytes of the stream. Payloads handed out may be views of them. */
  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk);
  }

  /** The next whole frame, or undefined when more bytes are needed. Throws `FrameError`. */
  next(): StreamFrame | undefined {
    const bytes = this.#splitter.next();
    return bytes && {
      sequence: readU32(bytes, 0) * 2 ** 32 + readU32(bytes, 4),
      payload: bytes.subarray(STREAM_HEADER_LENGTH),
      bytes,
    };
  }

  /** Moves an unfinished frame into the caller's next read buffer: see `FrameSplitter.movePending`. */
  movePending(into: Uint8Array): number {
    return this.#splitter.movePending(into);
  }

  /** Bytes held of a frame that is not whole yet. */
  get pendingBytes(): number {
    return this.#splitter.pendingBytes;
  }
}
