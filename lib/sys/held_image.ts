/**
 * The program that a held child executes: a static ELF file (elf(5)) with the calls that are left to be made, everything
 * that they point to, and the few instructions that make them. It has no memory of the process that wrote it.
 */
import { machineCode } from "./machine.ts";
import { cString, Words } from "./memory.ts";
import { SYS } from "./numbers.ts";
import {
  type ChildArg,
  IGNORE,
  type Operation,
  Result,
  STOP,
  WORDS_PER_OPERATION,
} from "./operation.ts";
import { STATIC_BASE, STATIC_HEADERS, writeStaticHeaders } from "./static_elf.ts";

const EM_X86_64 = 62;
const WORD = 8, ARGUMENTS = 6;
/** Which call failed, its error, and what is done then. */
const STATE_WORDS = 3;
const CLOSE_RANGE_CLOEXEC = 4;
const PR_SET_DUMPABLE = 4, PR_SET_NAME = 15;
const EXIT_CODE = 127;

type Call = Pick<Operation, "number" | "args" | "onError">;

/** The image, and how to read the report that comes of it when a call fails. */
export class HeldImage {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #calls: readonly Call[];
  readonly #first: number;
  readonly #statuses: readonly Int32Array[];
  /** Calls before those that were given. */
  readonly #before: number;
  readonly #resultsAt: number;
  readonly #placed = new Map<Uint8Array | Words, number>();
  #parts: { at: number; bytes: Uint8Array }[] = [];
  #end: number;

  /**
   * @param first index of the first of the calls, as results name them
   * @param statuses words that calls fill and that the report is to tell
   * @param descriptors of the gate (eventfd(2)) and of the report
   */
  constructor(
    calls: readonly Call[],
    first: number,
    statuses: readonly Int32Array[],
    [gate, report]: readonly [number, number],
  ) {
    const before = waiting(gate);
    this.#calls = [...before, ...calls];
    this.#before = before.length;
    this.#first = first - before.length;
    this.#statuses = statuses;
    const code = loop(0, 0);
    const tableAt = roundUp(STATIC_HEADERS + code.length, WORD);
    // The end mark, two calls that tell of a failure, and theirs.
    const stateAt = tableAt + (this.#calls.length + 2) * WORDS_PER_OPERATION * WORD + 2 * WORD;
    this.#end = stateAt + this.reportSize;
    this.#resultsAt = stateAt + STATE_WORDS * WORD;
    const failing = tableAt + this.#calls.length * WORDS_PER_OPERATION * WORD + WORD;
    const state = new BigInt64Array([-1n, 0n, BigInt(STATIC_BASE + failing)]);
    this.#parts.push({ at: stateAt, bytes: new Uint8Array(state.buffer) });
    const unknown = new BigInt64Array(this.#calls.length + statuses.length).fill(-1n);
    this.#parts.push({ at: this.#resultsAt, bytes: new Uint8Array(unknown.buffer) });
    const scratch = new Uint8Array(WORD);
    const handler: Call[] = [
      {
        number: SYS.write,
        args: [report, BigInt(STATIC_BASE + stateAt), this.reportSize],
        onError: IGNORE,
      },
      { number: SYS.exit, args: [EXIT_CODE], onError: IGNORE },
    ];
    const table = [
      ...this.#calls.flatMap((call, at) =>
        this.#words(call, STATIC_BASE + this.#resultsAt + at * WORD)
      ),
      -1n,
      ...handler.flatMap((call) => this.#words(call, this.#address(scratch))),
      -1n,
    ];
    this.#parts.push({ at: tableAt, bytes: new Uint8Array(new BigInt64Array(table).buffer) });
    this.#parts.push({
      at: STATIC_HEADERS,
      bytes: loop(STATIC_BASE + tableAt, STATIC_BASE + stateAt),
    });
    this.bytes = new Uint8Array(this.#end);
    writeStaticHeaders(this.bytes, EM_X86_64);
    for (const { at, bytes } of this.#parts) this.bytes.set(bytes, at);
  }

  /** Bytes of a report: state, results, statuses. */
  get reportSize(): number {
    return (STATE_WORDS + this.#calls.length + this.#statuses.length) * WORD;
  }

  /** Reads a report: its statuses get where they belong. @returns which of the calls failed, and their results */
  read(report: Uint8Array): { failed: number; error: number; results: BigInt64Array } {
    const words = new BigInt64Array(report.slice().buffer);
    const results = words.subarray(STATE_WORDS, STATE_WORDS + this.#calls.length);
    this.#statuses.forEach((status, at) =>
      status[0] = Number(BigInt.asIntN(32, words[STATE_WORDS + this.#calls.length + at]!))
    );
    return {
      failed: Math.max(Number(words[0]) - this.#before, 0),
      error: Number(words[1]),
      results: results.subarray(this.#before),
    };
  }

  #words({ number, args, onError }: Call, result: number): bigint[] {
    const places = Array.from(
      { length: ARGUMENTS },
      (_, at) => BigInt(this.#argument(args[at] ?? 0)),
    );
    return [BigInt(number), ...places, BigInt(result), BigInt(onError)];
  }

  /** Where the word is that is the argument. */
  #argument(arg: ChildArg): number {
    if (arg instanceof Result) {
      const index = arg.index - this.#first;
      if (index < this.#before) throw new TypeError("Cannot use a result of before the wait");
      return STATIC_BASE + this.#resultsAt + index * WORD;
    }
    const value = typeof arg === "object" ? BigInt(this.#address(arg)) : BigInt(arg);
    return this.#put(new Uint8Array(new BigInt64Array([value]).buffer));
  }

  /** Where memory lies in the image: once, however many calls share it. */
  #address(memory: Uint8Array | Words): number {
    const known = this.#placed.get(memory) ?? this.#sameBuffer(memory);
    if (known !== undefined) return known;
    if (memory instanceof Uint8Array) {
      const at = memory.length === 0 ? 0 : this.#put(memory);
      this.#placed.set(memory, at);
      return at;
    }
    const values = memory.values.map((each) =>
      typeof each === "bigint" ? each : BigInt(this.#address(each))
    );
    const at = this.#put(new Uint8Array(new BigInt64Array(values).buffer));
    this.#placed.set(memory, at);
    return at;
  }

  /** A status is another view of the same memory in each call. */
  #sameBuffer(memory: Uint8Array | Words): number | undefined {
    if (memory instanceof Words) return undefined;
    const at = this.#statuses.findIndex(({ buffer }) => buffer === memory.buffer);
    return at < 0 ? undefined : STATIC_BASE + this.#resultsAt + (this.#calls.length + at) * WORD;
  }

  #put(bytes: Uint8Array): number {
    const at = roundUp(this.#end, WORD);
    this.#parts.push({ at, bytes });
    this.#end = at + bytes.length;
    return STATIC_BASE + at;
  }
}

/** Others in the container neither look into it nor get at its descriptors, which the program does not inherit. */
function waiting(gate: number): Call[] {
  return [
    { number: SYS.prctl, args: [PR_SET_DUMPABLE, 0], onError: STOP },
    { number: SYS.prctl, args: [PR_SET_NAME, cString("podvisor")], onError: STOP },
    { number: SYS.close_range, args: [3, 0xffffffff, CLOSE_RANGE_CLOEXEC], onError: STOP },
    { number: SYS.read, args: [gate, new Uint8Array(WORD), WORD], onError: STOP },
  ];
}

/** `mov ebx, table; mov ebp, state; xor r12d, r12d`, and the loop. */
function loop(table: number, state: number): Uint8Array {
  const { bytes, next } = machineCode();
  const entry = new Uint8Array([0xbb, 0, 0, 0, 0, 0xbd, 0, 0, 0, 0, 0x45, 0x31, 0xe4]);
  const view = new DataView(entry.buffer);
  view.setUint32(1, table, true);
  view.setUint32(6, state, true);
  return new Uint8Array([...entry, ...bytes.subarray(next)]);
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
