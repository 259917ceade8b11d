import { Words } from "./memory.ts";
import { type Operation, Result, WORDS_PER_OPERATION } from "./operation.ts";
import { addressOf } from "./syscall.ts";

const ARGUMENTS = 6, WORD = 8;

/**
 * Operations as the child reads them: one block of memory with the operations, an end mark, their results and their
 * constant arguments. A child that waits in one of them can be given more behind it.
 */
export class OperationBlock {
  readonly #words: BigInt64Array;
  readonly #base: bigint;
  readonly #resultsAt: number;
  /** What the operations returned; -1 where they were not reached. */
  readonly results: BigInt64Array;

  /** @param capacity how many operations it can have */
  constructor(readonly capacity: number) {
    this.#resultsAt = capacity * WORDS_PER_OPERATION + 1;
    this.#words = new BigInt64Array(this.#resultsAt + capacity * (1 + ARGUMENTS));
    this.#base = addressOf(this.memory);
    this.results = this.#words.subarray(this.#resultsAt, this.#resultsAt + capacity);
  }

  get memory(): Uint8Array {
    return bytesOf(this.#words);
  }

  /**
   * Writes operations and the end mark.
   *
   * @param from index of the first that is not there yet
   * @throws {RangeError} when there are too many
   */
  write(operations: readonly Operation[], from = 0): void {
    const count = operations.length;
    if (count > this.capacity) throw new RangeError(`Cannot make ${count} calls in one child`);
    const words = this.#words;
    const address = (word: number) => this.#base + BigInt(word * WORD);
    for (let index = from; index < count; index++) {
      const { number, args, onError } = operations[index]!;
      const at = index * WORDS_PER_OPERATION;
      words[at] = BigInt(number);
      for (let position = 0; position < ARGUMENTS; position++) {
        const arg = args[position] ?? 0;
        if (arg instanceof Result) {
          words[at + 1 + position] = address(this.#resultsAt + arg.index);
          continue;
        }
        const constant = this.#resultsAt + this.capacity + index * ARGUMENTS + position;
        words[constant] = arg instanceof Words
          ? addressOf(arg.memory)
          : typeof arg === "object"
          ? addressOf(arg)
          : BigInt(arg);
        words[at + 1 + position] = address(constant);
      }
      words[at + 7] = address(this.#resultsAt + index);
      words[at + 8] = BigInt(onError);
    }
    words[count * WORDS_PER_OPERATION] = -1n;
    this.results.fill(-1n, from, count);
  }
}

/** The memory of words. */
export function bytesOf(words: BigInt64Array | Int32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}
