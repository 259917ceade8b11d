import { addressOf } from "./syscall.ts";

const encoder = new TextEncoder();

/**
 * A string as C has it: UTF-8, ended by a zero byte.
 *
 * @throws {TypeError} when the string holds a zero byte, which would cut it short
 */
export function cString(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length + 1);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // Most are short and of such characters only: this is faster then than a call of the runtime's.
    if (code === 0 || code > 0x7f) return encoded(text);
    bytes[at] = code;
  }
  return bytes;
}

function encoded(text: string): Uint8Array {
  if (text.includes("\0")) {
    throw new TypeError("Cannot pass a string with a zero byte to the kernel");
  }
  return encoder.encode(text + "\0");
}

/** Memory of 64-bit words, some of which are where other memory lies: structures with pointers. */
export class Words {
  #memory: Uint8Array | undefined;

  constructor(readonly values: readonly (bigint | Uint8Array)[]) {}

  /** The words as they are in this process; what they point to is reachable as long as this object. */
  get memory(): Uint8Array {
    if (this.#memory) return this.#memory;
    const values = this.values.map((each) => typeof each === "bigint" ? each : addressOf(each));
    return this.#memory = new Uint8Array(new BigUint64Array(values).buffer);
  }
}

const FILTER_INSTRUCTION = 8;

/** struct sock_fprog of a classic BPF program: u16 count, pointer. */
export function filterProgram(program: Uint8Array): Words {
  return new Words([BigInt(program.length / FILTER_INSTRUCTION), program]);
}

/** A zero-ended array of pointers to C strings, as `execve` takes. */
export function cStringArray(texts: readonly string[]): Words {
  return new Words([...texts.map(cString), 0n]);
}
