/**
 * The one logging module: structured records to stderr or a file. LogTape formats and filters them; it is loaded when
 * the first record is written, because most commands write none and start faster without it.
 */

import type { LogRecord, Sink } from "@logtape/logtape";

export type LogLevel = "debug" | "info" | "warn" | "error";
/** `logrus`: as runc's logger writes JSON, for the engines that read it. */
export type LogFormat = "text" | "json" | "logrus";
export type LogFields = Record<string, unknown>;

export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/** Those that people choose from. */
export const LOG_FORMATS: readonly ("text" | "json")[] = ["text", "json"];

export interface LogOptions {
  level: LogLevel;
  format: LogFormat;
  /** File to append to. Default: stderr. */
  file?: string;
}

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each of its records. */
  with(fields: LogFields): Logger;
}

interface LogEntry {
  level: LogLevel;
  subsystem: string;
  message: string;
  fields: LogFields;
}

let options: LogOptions = {
  level: fromEnvironment("PODVISOR_LOG_LEVEL", LOG_LEVELS) ?? "warn",
  format: fromEnvironment("PODVISOR_LOG_FORMAT", LOG_FORMATS) ?? "text",
};
let kept: LogOptions | undefined;
let waiting: LogEntry[] = [];
let write: ((entry: LogEntry) => void) | undefined;
let loading: Promise<void> | undefined;

/** Chooses level, format and destination. Records written before keep their old destination. */
export function configureLogging(changed: Partial<LogOptions>): void {
  options = { ...options, ...changed };
  write = undefined;
}

/** The options in force, for handing on to the processes that podvisor starts. */
export function loggingOptions(): Readonly<LogOptions> {
  return options;
}

/** Settings for a log that is kept with a pod: JSON, and no less than `info`. */
export function keptLog(file: string, level: LogLevel = options.level): LogOptions {
  return { level: level === "debug" ? "debug" : "info", format: "json", file };
}

/**
 * Keeps records in a file too, from now on: one JSON object a line, no less than `info`. The file is a pod's log; what
 * is done to the pod is told there beside what its other parts tell.
 */
export function keepLog(file: string): void {
  kept = keptLog(file);
  write = undefined;
}

/** A logger whose records carry `subsystem` and `fields`. */
export function getLogger(subsystem: string, fields: LogFields = {}): Logger {
  const at = (level: LogLevel) => (message: string, more?: LogFields) =>
    log({ level, subsystem, message, fields: more ? { ...fields, ...more } : fields });
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: (more) => getLogger(subsystem, { ...fields, ...more }),
  };
}

/** Resolves when every record so far has been written. */
export async function flushLog(): Promise<void> {
  await loading;
}

function log(entry: LogEntry): void {
  if (!isWanted(entry, options) && !(kept && isWanted(entry, kept))) return;
  if (write) return write(entry);
  waiting.push(entry);
  loading ??= openBackend().then((opened) => {
    write = opened;
    loading = undefined;
    const entries = waiting;
    waiting = [];
    for (const each of entries) opened(each);
  });
}

function isWanted({ level }: LogEntry, wanted: LogOptions): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(wanted.level);
}

async function openBackend(): Promise<(entry: LogEntry) => void> {
  const { configureSync, getLogger: getBackend, jsonLinesFormatter, logfmtFormatter } =
    await import("@logtape/logtape");
  const encoder = new TextEncoder();
  const sinkOf = ({ level, format, file }: LogOptions) => {
    const out = file === undefined ? Deno.stderr : openAppending(file);
    const formatters = { json: jsonLinesFormatter, text: logfmtFormatter, logrus: logrusLine };
    const text = formatters[format];
    return withLevel(level, (record) => writeAll(out, encoder.encode(text(record))));
  };
  const sinks = [sinkOf(options), ...(kept ? keptSink(kept, sinkOf) : [])];
  configureSync({
    reset: true,
    sinks: { out: (record) => sinks.forEach((sink) => sink(record)) },
    loggers: [
      { category: ["podvisor"], sinks: ["out"], lowestLevel: "debug" },
      { category: ["logtape", "meta"], sinks: ["out"], lowestLevel: "error" },
    ],
  });
  return (entry) => {
    const backend = getBackend(["podvisor", entry.subsystem]);
    const fields = { subsystem: entry.subsystem, ...printable(entry.fields) };
    backend[entry.level](literal(entry.message), fields);
  };
}

/** A record as logrus's JSONFormatter has it. */
function logrusLine({ level, message, timestamp, properties }: LogRecord): string {
  const time = new Date(timestamp).toISOString();
  return `${JSON.stringify({ ...properties, level, msg: message.join(""), time })}\n`;
}

function fromEnvironment<T extends string>(name: string, words: readonly T[]): T | undefined {
  const word = Deno.env.get(name);
  return words.find((each) => each === word);
}

/** None when the pod has gone meanwhile, and the directory of its log with it. */
function keptSink(wanted: LogOptions, sinkOf: (wanted: LogOptions) => Sink): Sink[] {
  try {
    return [sinkOf(wanted)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Lets through what is at least of a level. */
function withLevel(least: LogLevel, sink: Sink): Sink {
  return (record) => {
    const level = record.level === "warning" ? "warn" : record.level;
    const rank = (LOG_LEVELS as readonly string[]).indexOf(level);
    if (rank >= LOG_LEVELS.indexOf(least)) sink(record);
  };
}

function openAppending(file: string): Deno.FsFile {
  return Deno.openSync(file, { append: true, create: true, mode: 0o600 });
}

/** LogTape takes braces for placeholders; in our messages they are text, perhaps a guest's. */
function literal(message: string): string {
  return message.replaceAll("{", "{{").replaceAll("}", "}}");
}

function printable(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? value.message : value,
    ]),
  );
}

/** A log that cannot be written must not end the program that logs. */
function writeAll(file: { writeSync(bytes: Uint8Array): number }, bytes: Uint8Array): void {
  try {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  } catch {
    return;
  }
}
