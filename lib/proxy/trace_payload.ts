import { Fields, MessageError, readGuestSpan, readSpans } from "../hyperstart/mod.ts";
import { TRACE_PARTS, type TraceSpan } from "../trace.ts";

/** Name under which a client asks the built-in proxy for a trace; no guest's command has it. */
export const TRACE_NAME = "trace";

/** What the proxy answers. */
export function encodeTrace(spans: readonly TraceSpan[]): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ spans }));
}

/** Reads the proxy's answer. Throws `MessageError`. */
export function parseTrace(payload: Uint8Array): TraceSpan[] {
  return readSpans(Fields.parse(payload, "trace"), readSpan);
}

function readSpan(fields: Fields): TraceSpan {
  const name = fields.string("part");
  const part = TRACE_PARTS.find((each) => each === name);
  if (!part) throw new MessageError("Cannot read a trace: a span is of no known part");
  return { part, ...readGuestSpan(fields) };
}
