import { FrameError, FrameSplitter, readU32, writeU32 } from "../hyperstart/mod.ts";

/** Bytes of the proxy's header (cc-proxy-protocol 2). Received ones may be longer; what is more is skipped. */
export const PROXY_HEADER_LENGTH = 12;
const VERSION = 2;
const ERROR_FLAG = 0x10;
const TYPE_MASK = 0x0f;

/** Default bound for a received payload, in bytes. */
export const MAX_PROXY_PAYLOAD = 1 << 20;

export const FrameType = { command: 0, response: 1, stream: 2, notification: 3 } as const;
/** Opcodes of commands and their responses. */
export const Command = {
  registerVM: 0,
  unregisterVM: 1,
  attachVM: 2,
  hyper: 3,
  connectShim: 4,
  disconnectShim: 5,
  signal: 6,
} as const;
/** Opcodes of stream frames. */
export const Stream = { stdin: 0, stdout: 1, stderr: 2, log: 3 } as const;
/**
 * Opcodes of notifications. All but the first are podvisor's own and sent to shims that asked for them only
 * (`ShimTerms`): `stdinTaken` has a u32 with the number of bytes of stdin that have gone to the guest, `processLost` the
 * reason why there will be no exit code, as text.
 */
export const Notification = { processExited: 0, stdinTaken: 1, processLost: 2 } as const;

/** Number of opcodes of each type. */
const OPCODE_COUNTS = [7, 7, 4, 3] as const;

/** One message between the proxy and a client. */
export interface ProxyFrame {
  /** See `FrameType`. */
  type: number;
  /** See `Command`, `Stream`, `Notification`, after the type. */
  opcode: number;
  /** Set in responses that carry `{"msg": …}`. */
  error: boolean;
  payload: Uint8Array;
  /** The whole frame, header included. Frames that came in one chunk are adjacent in it. */
  bytes: Uint8Array;
}

/** Writes a 12-byte header, big-endian, at `offset`. */
export function writeProxyHeader(
  bytes: Uint8Array,
  offset: number,
  type: number,
  opcode: number,
  payloadLength: number,
  error = false,
): void {
  writeU32(bytes, offset, (VERSION << 16) | ((PROXY_HEADER_LENGTH / 4) << 8));
  writeU32(bytes, offset + 4, ((error ? ERROR_FLAG : 0) | type) << 8 | opcode);
  writeU32(bytes, offset + 8, payloadLength);
}

/** The bytes of a frame. */
export function encodeProxyFrame(
  type: number,
  opcode: number,
  payload?: Uint8Array,
  error = false,
): Uint8Array {
  const length = payload?.length ?? 0;
  const frame = new Uint8Array(PROXY_HEADER_LENGTH + length);
  writeProxyHeader(frame, 0, type, opcode, length, error);
  if (payload) frame.set(payload, PROXY_HEADER_LENGTH);
  return frame;
}

const encoder = new TextEncoder();

/** The bytes of a frame whose payload is JSON. */
export function encodeJsonFrame(
  type: number,
  opcode: number,
  value: unknown,
  error = false,
): Uint8Array {
  return encodeProxyFrame(type, opcode, encoder.encode(JSON.stringify(value)), error);
}

/** Whether a frame of stdin of the shortest header and a sound length starts there. */
function isPlainStdin(bytes: Uint8Array, offset: number): boolean {
  const version = (bytes[offset]! << 8) | bytes[offset + 1]!;
  return version === VERSION && bytes[offset + 2]! * 4 === PROXY_HEADER_LENGTH &&
    (bytes[offset + 6]! & TYPE_MASK) === FrameType.stream && bytes[offset + 7] === Stream.stdin;
}

function frameLength(bytes: Uint8Array, offset: number): number {
  const version = (bytes[offset]! << 8) | bytes[offset + 1]!;
  if (version !== VERSION) throw new FrameError(`frame: bad version ${version}`);
  const headerLength = bytes[offset + 2]! * 4;
  if (headerLength < PROXY_HEADER_LENGTH) {
    throw new FrameError(`frame: bad header length ${headerLength}`);
  }
  const type = bytes[offset + 6]! & TYPE_MASK;
  const opcodes = OPCODE_COUNTS[type];
  if (opcodes === undefined) throw new FrameError(`frame: bad type ${type}`);
  const opcode = bytes[offset + 7]!;
  if (opcode >= opcodes) throw new FrameError(`frame: bad opcode (${opcode}) for type ${type}`);
  return headerLength + readU32(bytes, offset + 8);
}

/** Reads the proxy's frames from a byte stream in chunks of any size: `push` one, then take frames with `next`. */
export class ProxyDecoder {
  readonly #splitter: FrameSplitter;

  constructor({ maxPayload = MAX_PROXY_PAYLOAD }: { maxPayload?: number } = {}) {
    this.#splitter = new FrameSplitter({
      headerLength: PROXY_HEADER_LENGTH,
      maxFrame: maxPayload + PROXY_HEADER_LENGTH,
      frameLength,
    });
  }

  /** Adds the next bytes of the stream. Payloads handed out may be views of them. */
  push(chunk: Uint8Array): void {
    this.#splitter.push(chunk);
  }

  /** The next whole frame, or undefined when more bytes are needed. Throws `FrameError`. */
  next(): ProxyFrame | undefined {
    const bytes = this.#splitter.next();
    return bytes && {
      type: bytes[6]! & TYPE_MASK,
      opcode: bytes[7]!,
      error: (bytes[6]! & ERROR_FLAG) !== 0,
      payload: bytes.subarray(bytes[2]! * 4),
      bytes,
    };
  }

  /**
   * The next frames of stdin that lie whole in the chunk, one behind the other, if their headers have 12 bytes; of
   * others there is none here. Call it before {@linkcode ProxyDecoder.next}, which takes whatever comes.
   */
  nextStdin(): Uint8Array | undefined {
    return this.#splitter.nextRun(isPlainStdin);
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
