import { readU32, writeU32 } from "./byte_order.ts";
import { FrameError, FrameSplitter } from "./frame_splitter.ts";

/** Bytes of a control header: u32 code, u32 length of header and payload, both big-endian. */
export const CONTROL_HEADER_LENGTH = 8;

/**
 * Longest control message, header included, that every host of this lineage sends and every guest takes
 * (hyperstart-protocol 3).
 */
export const MAX_CONTROL_MESSAGE = 10240;

/** Default bound for a received control frame. Replies such as a process list may exceed what commands may. */
export const MAX_CONTROL_FRAME = 1 << 20;

/** One message of the control channel. */
export interface ControlFrame {
  /** See `Code`, `GoCode`, `CCode`. */
  code: number;
  payload: Uint8Array;
}

/** What bounds a decoder. */
export interface DecoderOptions {
  /** Longest frame accepted, in bytes, header included. */
  maxFrame?: number;
}

/** The bytes of a control frame. */
export function encodeControlFrame(code: number, payload?: Uint8Array): Uint8Array {
  const length = CONTROL_HEADER_LENGTH + (payload?.length ?? 0);
  const frame = new Uint8Array(length);
  writeU32(frame, 0, code);
  writeU32(frame, 4, length);
  if (payload) frame.set(payload, CONTROL_HEADER_LENGTH);
  return frame;
}

/** Reads control frames from a byte stream in chunks of any size: `push` one, then take frames with `next`. */
export class ControlDecoder {
  readonly #splitter: FrameSplitter;

  constructor({ maxFrame = MAX_CONTROL_FRAME }: DecoderOptions = {}) {
    this.#splitter = new FrameSplitter({
      headerLength: CONTROL_HEADER_LENGTH,
      maxFrame,
      frameLength(bytes, offset) {
        const length = readU32(bytes, offset + 4);
        if (length < CONTROL_HEADER_LENGTH) {
          throw new FrameError(
            `Cannot read a control frame: its length ${length} is below its header's ${CONTROL_HEADER_LENGTH} bytes`,
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
  next(): ControlFrame | undefined {
    const frame = this.#splitter.next();
    return frame && { code: readU32(frame, 0), payload: frame.subarray(CONTROL_HEADER_LENGTH) };
  }

  /** Bytes held of a frame that is not whole yet. */
  get pendingBytes(): number {
    return this.#splitter.pendingBytes;
  }
}
