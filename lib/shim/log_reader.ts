import { isPartial, type LogEntry, MAX_LINE, parseLogLine } from "./log_format.ts";
import { LogFiles } from "./log_files.ts";

/** Which part of a log is read, and how. */
export interface ReadLogOptions {
  /** Only the last lines, so many. */
  tail?: number;
  /** Wait for more, until `ended` says that there will be none. */
  follow?: boolean;
  /** Put the time before each line. */
  timestamps?: boolean;
  /** Only what was printed at this time or later. */
  since?: Date;
  /** Ends the reading, without an error. */
  signal?: AbortSignal;
  /** With `follow`: whether the container has ended. */
  ended?: () => boolean | Promise<boolean>;
}

/** Milliseconds between looks at a log that is followed. */
const INTERVAL = 100;

/**
 * Reads a container's log: the file put aside, then the present one, and when following the next ones. Texts put
 * together are the output exactly, as far as the log reaches back.
 *
 * @param file the log; when there is none, nothing is read
 */
export async function* readLog(
  file: string,
  options: ReadLogOptions = {},
): AsyncGenerator<LogEntry, void> {
  const { tail, since, signal } = options;
  using files = new LogFiles(file, MAX_LINE);
  const starts = new LineStarts();
  const finished = (entry: LogEntry) => {
    const isStart = starts.next(entry);
    return options.timestamps && isStart ? stamped(entry) : entry;
  };
  const from = since?.getTime() ?? -Infinity;
  const wanted = (line: Uint8Array) => {
    const entry = parseLogLine(line);
    return entry && Date.parse(entry.time) >= from ? entry : undefined;
  };
  const last = new LastLines(tail ?? 0);
  if (tail !== undefined) {
    for await (const line of files.lines()) {
      if (signal?.aborted) return;
      const entry = wanted(line);
      if (entry) last.push(entry);
    }
    last.trim();
    for (const entry of last.entries) yield finished(entry);
  }
  for (;;) {
    // Asked before reading: what was printed before the end is then there to be read.
    const isLast = !options.follow || await options.ended?.() === true;
    for await (const line of files.lines()) {
      if (signal?.aborted) return;
      const entry = wanted(line);
      if (entry) yield finished(entry);
    }
    if (isLast || signal?.aborted) return;
    await pauseUnless(signal);
  }
}

/** Tells which entries begin a line, each stream for itself. */
class LineStarts {
  readonly #open = { stdout: false, stderr: false };

  next(entry: LogEntry): boolean {
    const isStart = !this.#open[entry.stream];
    this.#open[entry.stream] = isPartial(entry);
    return isStart;
  }
}

/** Keeps the entries of the last lines. */
class LastLines {
  readonly #starts = new LineStarts();
  #lines = 0;
  entries: (LogEntry & { isStart: boolean })[] = [];

  constructor(readonly count: number) {}

  push(entry: LogEntry): void {
    const isStart = this.#starts.next(entry);
    this.entries.push({ ...entry, isStart });
    if (!isStart) return;
    this.#lines++;
    // Whole lines go from the front; rarely, because moving the rest costs.
    if (this.#lines > 2 * this.count + 64) this.trim();
  }

  trim(): void {
    let first = this.entries.length;
    for (let lines = 0; first > 0 && lines < this.count;) {
      if (this.entries[--first]!.isStart) lines++;
    }
    this.entries = this.entries.slice(first);
    this.#lines = Math.min(this.#lines, this.count);
  }
}

function stamped(entry: LogEntry): LogEntry {
  const head = new TextEncoder().encode(`${entry.time} `);
  const text = new Uint8Array(head.length + entry.text.length);
  text.set(head);
  text.set(entry.text, head.length);
  return { ...entry, text };
}

function pauseUnless(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, INTERVAL);
    signal?.addEventListener("abort", wake);
  });
}
