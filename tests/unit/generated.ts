/** Generated input that is the same in every run. */

/** A pseudo-random source (mulberry32): each call gives a number from 0 up to, not including, 1. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `length` pseudo-random bytes. */
export function randomBytes(random: () => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => Math.floor(random() * 256));
}

/** `bytes` in pieces of 1 to `longest` bytes. */
export function* randomPieces(
  random: () => number,
  bytes: Uint8Array,
  longest: number,
): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length;) {
    const end = Math.min(bytes.length, start + 1 + Math.floor(random() * longest));
    yield bytes.slice(start, end);
    start = end;
  }
}

/** The bytes of all parts, one after the other. */
export function concat(parts: Iterable<Uint8Array>): Uint8Array {
  return new Uint8Array([...parts].flatMap((part) => [...part]));
}

/** The bytes of a hex text; white space is ignored. */
export function fromHex(text: string): Uint8Array {
  return Uint8Array.from(
    text.replaceAll(/\s/g, "").match(/../g) ?? [],
    (pair) => parseInt(pair, 16),
  );
}
