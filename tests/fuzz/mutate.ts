/** Makes malformed input out of good: the same for the same source of chance. */

/** A number from 0 up to, not including, 1. */
export type Random = () => number;

const encoder = new TextEncoder();
/** What a JSON value may be replaced with. */
const VALUES = [
  "null",
  "true",
  "-1",
  "0",
  "1e99",
  "4294967296",
  '""',
  '"\\u0000"',
  '"../../x"',
  "[]",
  "{}",
  "[[[[[[]]]]]]",
  '{"a":{"a":{"a":1}}}',
  '"\\ud800"',
  "1.5",
  '"' + "y".repeat(300) + '"',
];
/** Lengths that frames are given. */
const LENGTHS = [0, 1, 7, 8, 11, 12, 13, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** A whole number below `count`. */
export function pick(random: Random, count: number): number {
  return Math.floor(random() * count);
}

/** One of some values. */
export function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[pick(random, values.length)]!;
}

/** Replaces one value of a JSON text, or damages the text. */
export function mutateJson(random: Random, text: string): string {
  const values = [...text.matchAll(/"(?:[^"\\]|\\.)*"(?!:)|-?\d+(?:\.\d+)?|true|false|null/g)];
  if (values.length === 0 || random() < 0.1) return text.slice(0, pick(random, text.length + 1));
  const at = oneOf(random, values);
  return text.slice(0, at.index) + oneOf(random, VALUES) + text.slice(at.index + at[0].length);
}

/**
 * A frame with something wrong in it, or with nothing.
 *
 * @param lengthAt offset of the frame's u32 length
 */
export function mutateFrame(random: Random, frame: Uint8Array, lengthAt: number): Uint8Array {
  const copy = frame.slice();
  switch (pick(random, 8)) {
    case 0:
      for (let count = 1 + pick(random, 4); count > 0; count--) {
        copy[pick(random, copy.length)] = pick(random, 256);
      }
      return copy;
    case 1:
      return copy.subarray(0, pick(random, copy.length));
    case 2:
      if (copy.length >= lengthAt + 4) {
        new DataView(copy.buffer).setUint32(lengthAt, oneOf(random, LENGTHS));
      }
      return copy;
    case 3: {
      const longer = new Uint8Array(copy.length + 1 + pick(random, 64));
      longer.set(copy);
      return longer;
    }
    case 4:
      return Uint8Array.from({ length: pick(random, 64) }, () => pick(random, 256));
    default:
      return copy;
  }
}

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}
