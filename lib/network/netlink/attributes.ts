/**
 * Attributes of netlink messages (linux/netlink.h, struct nlattr): u16 length with header, u16 type, value, padding to 4
 * bytes; numbers in the host's byte order, which is little-endian on every architecture that podvisor runs on.
 */
import { MalformedMessage } from "./error.ts";

/** Marks an attribute that holds attributes. */
const NLA_F_NESTED = 0x8000;
const NLA_TYPE_MASK = 0x3fff;
const HEADER = 4;
/** More attributes than any message has at one level. */
const MAX_ATTRIBUTES = 4096;

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
 * The attributes of a received message. They are looked at once, on construction; values are read on demand, from the
 * memory of the message, which must not change until then.
 */
export class Attributes {
  readonly #types: number[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];

  /**
   * @param view of the memory that the message is in
   * @throws {MalformedMessage} when an attribute reaches past `end`
   */
  constructor(readonly view: DataView, start: number, end: number) {
    let at = start;
    while (end - at >= HEADER) {
      const length = view.getUint16(at, true);
      if (length < HEADER || at + length > end) {
        throw new MalformedMessage(`an attribute of ${length} bytes where ${end - at} are left`);
      }
      if (this.#types.length === MAX_ATTRIBUTES) {
        throw new MalformedMessage(`more than ${MAX_ATTRIBUTES} attributes`);
      }
      this.#types.push(view.getUint16(at + 2, true) & NLA_TYPE_MASK);
      this.#starts.push(at + HEADER);
      this.#ends.push(at + length);
      at += align(length);
    }
  }

  /** Whether there is an attribute of this type. */
  has(type: number): boolean {
    return this.#types.includes(type);
  }

  /** @returns nothing when there is no such attribute; so do the others here */
  u8(type: number): number | undefined {
    const at = this.#find(type, 1);
    return at < 0 ? undefined : this.view.getUint8(at);
  }

  u16(type: number): number | undefined {
    const at = this.#find(type, 2);
    return at < 0 ? undefined : this.view.getUint16(at, true);
  }

  u32(type: number): number | undefined {
    const at = this.#find(type, 4);
    return at < 0 ? undefined : this.view.getUint32(at, true);
  }

  i32(type: number): number | undefined {
    const at = this.#find(type, 4);
    return at < 0 ? undefined : this.view.getInt32(at, true);
  }

  /** The value, without a copy. */
  bytes(type: number): Uint8Array | undefined {
    const index = this.#types.lastIndexOf(type);
    if (index < 0) return undefined;
    const start = this.#starts[index]!;
    return new Uint8Array(
      this.view.buffer,
      this.view.byteOffset + start,
      this.#ends[index]! - start,
    );
  }

  /** Text up to its first zero byte. */
  text(type: number): string | undefined {
    const value = this.bytes(type);
    if (value === undefined) return undefined;
    let end = 0;
    let ascii = "";
    for (; end < value.length && value[end] !== 0; end++) {
      if (value[end]! >= 0x80) return decoder.decode(value.subarray(0, zeroIn(value)));
      ascii += String.fromCharCode(value[end]!);
    }
    return ascii;
  }

  /** The attributes in an attribute. @throws {MalformedMessage} */
  nested(type: number): Attributes | undefined {
    const index = this.#types.lastIndexOf(type);
    if (index < 0) return undefined;
    return new Attributes(this.view, this.#starts[index]!, this.#ends[index]!);
  }

  /** Where a value begins and ends in {@linkcode Attributes.view}. */
  range(type: number): readonly [start: number, end: number] | undefined {
    const index = this.#types.lastIndexOf(type);
    return index < 0 ? undefined : [this.#starts[index]!, this.#ends[index]!];
  }

  /** Each attribute's own attributes, where the types are but positions in a list. */
  *list(): Generator<Attributes> {
    for (let index = 0; index < this.#types.length; index++) {
      yield new Attributes(this.view, this.#starts[index]!, this.#ends[index]!);
    }
  }

  #find(type: number, size: number): number {
    // As in the kernel, the last one counts.
    const index = this.#types.lastIndexOf(type);
    if (index < 0) return -1;
    const start = this.#starts[index]!;
    const length = this.#ends[index]! - start;
    if (length < size) {
      throw new MalformedMessage(`attribute ${type} of ${length} bytes, not ${size}`);
    }
    return start;
  }
}

function zeroIn(value: Uint8Array): number {
  const end = value.indexOf(0);
  return end < 0 ? value.length : end;
}
