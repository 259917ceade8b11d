import { Fields, MessageError } from "./fields.ts";

/** A piece of the guest's work, in microseconds of the guest's clock. */
export interface GuestSpan {
  name: string;
  start: number;
  end: number;
}

/** What a guest answers to the command for its trace. */
export interface GuestTrace {
  /** What its clock said when it had got the command, and says now, in microseconds. */
  asked: number;
  clock: number;
  /** What it has recorded since it was last asked. */
  spans: GuestSpan[];
}

/** The command for a guest's trace: gives out what was recorded, and says whether it is to go on. */
export interface TraceCommand {
  record: boolean;
}

/** Bounds on a trace that comes from elsewhere. */
const MAX_SPANS = 1024, MAX_NAME = 64;

/** Reads a command for a trace. Throws `MessageError`. */
export function parseTraceCommand(payload: Uint8Array): TraceCommand {
  return { record: Fields.parse(payload, "trace").boolean("record") };
}

/** The payload of a guest's trace. */
export function encodeGuestTrace(trace: GuestTrace): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(trace));
}

/** Reads a guest's trace, which may claim anything. Throws `MessageError`. */
export function parseGuestTrace(payload: Uint8Array): GuestTrace {
  const fields = Fields.parse(payload, "trace");
  const asked = fields.integer("asked");
  return {
    asked,
    clock: fields.integer("clock", undefined, asked),
    spans: readSpans(fields, readGuestSpan),
  };
}

/** Reads spans, a bounded number of them. Throws `MessageError`. */
export function readSpans<T>(fields: Fields, read: (fields: Fields) => T): T[] {
  const spans = fields.objects("spans", read);
  if (spans.length <= MAX_SPANS) return spans;
  throw new MessageError(`Cannot read a trace: it has ${spans.length} spans, at most ${MAX_SPANS}`);
}

/** Reads one span. Throws `MessageError`. */
export function readGuestSpan(fields: Fields): GuestSpan {
  const name = fields.name("name");
  if (name.length > MAX_NAME || !/^[\x20-\x7e]+$/.test(name)) {
    throw new MessageError("Cannot read a trace: a span's name is too long or not printable");
  }
  const start = fields.integer("start", undefined, Number.MIN_SAFE_INTEGER);
  return { name, start, end: fields.integer("end", undefined, start) };
}
