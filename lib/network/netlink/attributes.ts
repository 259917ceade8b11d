/**
 * Attributes of netlink messages (linux/netlink.h, struct nlattr): u16 length with header, u16 type, value, padding to 4
 * bytes; numbers in the host's byte order, which is little-endian on every architecture that podvisor runs on.
 */
import { MalformedMessage } from "./error.ts";

/** Marks an attribute that holds attributes. */
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const HEADER = 4;
/** Higher types than this are not looked at. */
const MAX_TYPE = 127;
const NOTHING = new DataView(new ArrayBuffer(0));

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An attribute to be sent. */
export interface Attribute {
  type: number;
  value: Uint8Array;
}

/** Bytes as they are: an address, a structure; nothing for a flag. */
export function bytes(type: number, value: Uint8Array = new Uint8Array()): Attribute {
  return { type, value };
}

/** A number of one byte. */
export function u8(type: number, value: number): Attribute {
  return { type, value: Uint8Array.of(value) };
}

/** A number of two bytes. */
export function u16(type: number, value: number): Attribute {
  return { type, value: new Uint8Array(new Uint16Array([value]).buffer) };
}

/** A number of four bytes; negative ones as their two's complement. */
export function u32(type: number, value: number): Attribute {
  return { type, value: new Uint8Array(new Uint32Array([value]).buffer) };
}

/** Text with a zero byte at its end. @throws {TypeError} when there is one inside */
export function text(type: number, value: string): Attribute {
  if (value.includes("\0")) {
    throw new TypeError("Cannot send a text with a zero byte to the kernel");
  }
  return { type, value: encoder.encode(value + "\0") };
}

/** Attributes in an attribute. */
export function nested(type: number, attributes: readonly Attribute[]): Attribute {
  return { type: type | NLA_F_NESTED, value: encodeAttributes(attributes) };
}

/** The attributes one after the other, each on a multiple of 4 bytes. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const size = attributes.reduce((sum, { value }) => sum + align(HEADER + value.length), 0);
  const memory = new Uint8Array(size);
  const view = new DataView(memory.buffer);
  let at = 0;
  for (const { type, value } of attributes) {
    view.setUint16(at, HEADER + value.length, true);
    view.setUint16(at + 2, type, true);
    memory.set(value, at + HEADER);
    at += align(HEADER + value.length);
  }
  return memory;
}

/** The next multiple of 4. */
export function align(length: number): number {
  return (length + 3) & ~3;
}

/**
 * The attributes of a received message. They are looked at once, on construction or {@linkcode Attributes.reset};
 * values are read on demand, from the memory of the message, which must not change until then. As in the kernel, the
 * last one of a type counts.
 *
 * A reader of thousands of messages keeps one object for all: this code mostly runs once, before it has been optimised.
 */
export class Attributes {
  readonly #starts = new Int32Array(MAX_TYPE + 1);
  readonly #ends = new Int32Array(MAX_TYPE + 1);
  #view: DataView;

  /**
   * @param view of the memory that the message is in
   * @throws {MalformedMessage} when an attribute reaches past `end`
   */
  constructor(view: DataView = NOTHING, start = 0, end = 0) {
    this.#view = view;
    if (end > start) this.reset(view, start, end);
  }

  /** Goes on to the attributes of another message. @throws {MalformedMessage} */
  reset(view: DataView, start: number, end: number): this {
    this.#view = view;
    this.#starts.fill(0);
    for (let at = start; end - at >= HEADER;) {
      const word = view.getUint32(at, true);
      const length = word & 0xffff;
      if (length < HEADER || length > end - at) {
        throw new MalformedMessage(`an attribute of ${length} bytes where ${end - at} are left`);
      }
      const type = (word >>> 16) & NLA_TYPE_MASK;
      if (type <= MAX_TYPE) {
        this.#starts[type] = at + HEADER;
        this.#ends[type] = at + length;
      }
      at += (length + 3) & ~3;
    }
    return this;
  }

  /** Whether there is an attribute of this type. */
  has(type: number): boolean {
    return this.#starts[type] !== 0;
  }

  /** @returns nothing when there is no such attribute; so do the others here */
  u8(type: number): number | undefined {
    const at = this.#find(type, 1);
    return at === 0 ? undefined : this.#view.getUint8(at);
  }

  u32(type: number): number | undefined {
    const at = this.#find(type, 4);
    return at === 0 ? undefined : this.#view.getUint32(at, true);
  }

  /** The value, without a copy. */
  bytes(type: number): Uint8Array | undefined {
    const start = this.#starts[type]!;
    if (start === 0) return undefined;
    const { buffer, byteOffset } = this.#view;
    return new Uint8Array(buffer, byteOffset + start, this.#ends[type]! - start);
  }

  /** Text up to its first zero byte. */
  text(type: number): string | undefined {
    const start = this.#starts[type]!;
    if (start === 0) return undefined;
    const end = this.#ends[type]!;
    let ascii = "";
    for (let at = start; at < end; at++) {
      const byte = this.#view.getUint8(at);
      if (byte === 0) break;
      if (byte >= 0x80) return decoder.decode(untilZero(this.bytes(type)!));
      ascii += String.fromCharCode(byte);
    }
    return ascii;
  }

  /** The attributes in an attribute. @throws {MalformedMessage} */
  nested(type: number): Attributes | undefined {
    const start = this.#starts[type]!;
    if (start === 0) return undefined;
    return new Attributes(this.#view, start, this.#ends[type]!);
  }

  /** Where a value begins and ends in the memory of the message. */
  range(type: number): readonly [start: number, end: number] | undefined {
    const start = this.#starts[type]!;
    return start === 0 ? undefined : [start, this.#ends[type]!];
  }

  #find(type: number, size: number): number {
    const start = this.#starts[type]!;
    if (start !== 0 && this.#ends[type]! - start < size) {
      const length = this.#ends[type]! - start;
      throw new MalformedMessage(`attribute ${type} of ${length} bytes, not ${size}`);
    }
    return start;
  }
}

/** The attributes in each item of a list, whose types are but positions. @throws {MalformedMessage} */
export function* listItems(view: DataView, start: number, end: number): Generator<Attributes> {
  for (let at = start; end - at >= HEADER;) {
    const length = view.getUint16(at, true);
    if (length < HEADER || length > end - at) {
      throw new MalformedMessage(`a list item of ${length} bytes where ${end - at} are left`);
    }
    yield new Attributes(view, at + HEADER, at + length);
    at += align(length);
  }
}

function untilZero(value: Uint8Array): Uint8Array {
  const end = value.indexOf(0);
  return end < 0 ? value : value.subarray(0, end);
}
