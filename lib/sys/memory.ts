import { addressOf } from "./syscall.ts";

const encoder = new TextEncoder();

/**
 * A string as C has it: UTF-8, ended by a zero byte.
 *
 * @throws {TypeError} when the string holds a zero byte, which would cut it short
 */
export function cString(text: string): Uint8Array {
  if (text.includes("\0")) {
    throw new TypeError("Cannot pass a string with a zero byte to the kernel");
  }
  return encoder.encode(text + "\0");
}

const FILTER_INSTRUCTION = 8;

/** struct sock_fprog of a classic BPF program: u16 count, pointer. `program` must be kept reachable with it. */
export function filterProgram(program: Uint8Array): Uint8Array {
  const words = new BigUint64Array([
    BigInt(program.length / FILTER_INSTRUCTION),
    addressOf(program),
  ]);
  return new Uint8Array(words.buffer);
}

/** A zero-ended array of pointers to C strings, as `execve` takes; `strings` must be kept reachable with it. */
export function cStringArray(
  texts: readonly string[],
): { array: Uint8Array; strings: Uint8Array[] } {
  const strings = texts.map(cString);
  const words = new BigUint64Array(strings.length + 1);
  strings.forEach((each, at) => words[at] = addressOf(each));
  return { array: new Uint8Array(words.buffer), strings };
}
