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

/**
 * The lines for output that has come. What does not end with a newline becomes a partial line, so that putting all
 * texts together gives the output exactly.
 *
 * @param stream `Stream.stdout` or `Stream.stderr`
 */
export function* logLines(stream: number, bytes: Uint8Array, time: string): Generator<Uint8Array> {
  const name = stream === Stream.stdout ? "stdout" : "stderr";
  const heads = {
    [FULL]: encoder.encode(`${time} ${name} ${FULL} `),
    [PARTIAL]: encoder.encode(`${time} ${name} ${PARTIAL} `),
  };
  for (let from = 0; from < bytes.length;) {
    const newline = bytes.indexOf(NEWLINE, from);
    const end = newline < 0 ? bytes.length : newline;
    const to = Math.min(end, from + MAX_LINE);
    const isFull = to === newline;
    const head = heads[isFull ? FULL : PARTIAL];
    const line = new Uint8Array(head.length + to - from + 1);
    line.set(head);
    line.set(bytes.subarray(from, to), head.length);
    line[line.length - 1] = NEWLINE;
    yield line;
    from = isFull ? to + 1 : to;
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
