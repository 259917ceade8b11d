/**
 * The one logging module: structured records to stderr or a file. JSON is written at once. LogTape writes text; it is
 * loaded when the first such record is written, because most commands write none and start faster without it.
 */

import type { LogRecord } from "@logtape/logtape";

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
  /** Milliseconds since 1970. */
  time: number;
}

/** Where records go, and how they are written there. */
interface Destination {
  readonly options: LogOptions;
  readonly out: { writeSync(bytes: Uint8Array): number };
}

let options: LogOptions = {
  level: fromEnvironment("PODVISOR_LOG_LEVEL", LOG_LEVELS) ?? "warn",
  format: fromEnvironment("PODVISOR_LOG_FORMAT", LOG_FORMATS) ?? "text",
};
let kept: LogOptions | undefined;
let destinations: Destination[] | undefined;
let waiting: { entry: LogEntry; out: Destination["out"] }[] = [];
let formatText: ((record: LogRecord) => string) | undefined;
let loading: Promise<void> | undefined;
const encoder = new TextEncoder();

/** Chooses level, format and destination. Records written before keep their old destination. */
export function configureLogging(changed: Partial<LogOptions>): void {
  options = { ...options, ...changed };
  destinations = undefined;
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
  destinations = undefined;
}

/** A logger whose records carry `subsystem` and `fields`. */
export function getLogger(subsystem: string, fields: LogFields = {}): Logger {
  const at = (level: LogLevel) => (message: string, more?: LogFields) =>
    log({
      level,
      subsystem,
      message,
      fields: more ? { ...fields, ...more } : fields,
      time: Date.now(),
    });
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
  destinations ??= openDestinations();
  for (const { options: wanted, out } of destinations) {
    if (!isWanted(entry, wanted)) continue;
    if (wanted.format === "text") writeText(entry, out);
    else writeAll(out, (wanted.format === "json" ? jsonLine : logrusLine)(entry));
  }
}

function isWanted({ level }: LogEntry, wanted: LogOptions): boolean {
  return LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(wanted.level);
}

/**
 * Records for a file that cannot be opened go to stderr. That of the kept log is none when the pod has gone meanwhile,
 * and the directory of its log with it.
 */
function openDestinations(): Destination[] {
  const { file } = options;
  const out = file === undefined ? undefined : openAppending(file);
  const found: Destination[] = [{ options, out: out ?? Deno.stderr }];
  const keptOut = kept && openAppending(kept.file!);
  return keptOut ? [...found, { options: kept!, out: keptOut }] : found;
}

function writeText(entry: LogEntry, out: Destination["out"]): void {
  if (formatText) return writeAll(out, formatText(logTapeRecord(entry)));
  waiting.push({ entry, out });
  loading ??= import("@logtape/logtape").then(({ logfmtFormatter }) => {
    formatText = logfmtFormatter;
    loading = undefined;
    const records = waiting;
    waiting = [];
    for (const each of records) writeText(each.entry, each.out);
  });
}

function logTapeRecord(entry: LogEntry): LogRecord {
  const { level, subsystem, message, time } = entry;
  return {
    category: ["podvisor", subsystem],
    level: level === "warn" ? "warning" : level,
    message: [message],
    rawMessage: message,
    timestamp: time,
    properties: propertiesOf(entry),
  };
}

/** A record as LogTape's formatter of JSON lines has it. */
function jsonLine(entry: LogEntry): string {
  const { level, subsystem, message, time } = entry;
  return line({
    "@timestamp": new Date(time).toISOString(),
    level: level.toUpperCase(),
    message,
    logger: `podvisor.${subsystem}`,
    properties: propertiesOf(entry),
  });
}

/** A record as logrus's JSONFormatter has it. */
function logrusLine(entry: LogEntry): string {
  const level = entry.level === "warn" ? "warning" : entry.level;
  const time = new Date(entry.time).toISOString();
  return line({ ...propertiesOf(entry), level, msg: entry.message, time });
}

/** JSON on one line, for terminals too: control characters, perhaps a guest's, are written as escapes. */
function line(record: Record<string, unknown>): string {
  const text = JSON.stringify(
    record,
    (_, value) => typeof value === "bigint" ? String(value) : value,
  );
  const escape = (character: string) =>
    `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return `${text.replace(/[\x7f-\x9f\u2028\u2029]/g, escape)}\n`;
}

function propertiesOf({ subsystem, fields }: LogEntry): LogFields {
  return { subsystem, ...printable(fields) };
}

function fromEnvironment<T extends string>(name: string, words: readonly T[]): T | undefined {
  const word = Deno.env.get(name);
  return words.find((each) => each === word);
}

function openAppending(file: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(file, { append: true, create: true, mode: 0o600 });
  } catch {
    return undefined;
  }
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
function writeAll(file: Destination["out"], text: string): void {
  const bytes = encoder.encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
  } catch {
    return;
  }
}
