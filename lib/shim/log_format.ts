/** A container's log: lines as the Kubernetes runtime interface defines them, `<time> <stream> <tag> <text>`. */
import { Stream } from "../proxy/mod.ts";

/** A line of a log file. */
export interface LogEntry {
  stream: "stdout" | "stderr";
  /** RFC 3339, as it is in the file. */
  time: string;
  /** What was printed: with its newline when the line is whole, without when more of it follows. */
  text: Uint8Array;
}

/** Longest text of one line of the file, in bytes; longer lines are parted. */
export const MAX_LINE = 16 * 1024;
const NEWLINE = 10, SPACE = 32;
const FULL = "F", PARTIAL = "P";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The time as log lines have it: RFC 3339 with nine decimals. */
export function logTime(now = new Date()): string {
  return `${now.toISOString().slice(0, -1)}000000Z`;
}

/** Longest line of the file with its time, stream and tag, in bytes. */
export const MAX_LOG_LINE = MAX_LINE + 64;

/**
 * The lines for output that has come. What does not end with a newline becomes a partial line, so that putting all
 * texts together gives the output exactly. They are put where they are wanted: short lines are too many for an array
 * each.
 */
export class LogLines {
  readonly #bytes: Uint8Array;
  readonly #full: Uint8Array;
  readonly #partial: Uint8Array;
  #from = 0;

  /**
   * @param stream `Stream.stdout` or `Stream.stderr`
   * @param time as {@linkcode logTime} has it
   */
  constructor(stream: number, bytes: Uint8Array, time: string) {
    const name = stream === Stream.stdout ? "stdout" : "stderr";
    this.#bytes = bytes;
    this.#full = encoder.encode(`${time} ${name} ${FULL} `);
    this.#partial = encoder.encode(`${time} ${name} ${PARTIAL} `);
  }

  /** Whether there are no more. */
  get done(): boolean {
    return this.#from === this.#bytes.length;
  }

  /** Puts the next lines at the start of `into`, as many as are whole there, and returns their length in bytes. */
  put(into: Uint8Array): number {
    const bytes = this.#bytes;
    let length = 0;
    while (this.#from < bytes.length) {
      const newline = bytes.indexOf(NEWLINE, this.#from);
      const to = Math.min(newline < 0 ? bytes.length : newline, this.#from + MAX_LINE);
      const isFull = to === newline;
      const head = isFull ? this.#full : this.#partial;
      const next = length + head.length + to - this.#from + 1;
      if (next > into.length) break;
      into.set(head, length);
      into.set(bytes.subarray(this.#from, to), length + head.length);
      into[next - 1] = NEWLINE;
      length = next;
      this.#from = isFull ? to + 1 : to;
    }
    return length;
  }
}

/** Whether more of an entry's line follows. */
export function isPartial({ text }: LogEntry): boolean {
  return text.at(-1) !== NEWLINE;
}

/** Reads a line, given with its newline; nothing for one that is no log line. */
export function parseLogLine(line: Uint8Array): LogEntry | undefined {
  const afterTime = line.indexOf(SPACE);
  const afterStream = line.indexOf(SPACE, afterTime + 1);
  const afterTag = line.indexOf(SPACE, afterStream + 1);
  if (afterTime < 1 || afterStream < 0 || afterTag < 0) return undefined;
  const stream = decoder.decode(line.subarray(afterTime + 1, afterStream));
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  // A tag is followed by others after colons.
  const [tag] = decoder.decode(line.subarray(afterStream + 1, afterTag)).split(":");
  if (tag !== FULL && tag !== PARTIAL) return undefined;
  const end = tag === FULL ? line.length : line.length - 1;
  return {
    stream,
    time: decoder.decode(line.subarray(0, afterTime)),
    text: line.slice(afterTag + 1, end),
  };
}
