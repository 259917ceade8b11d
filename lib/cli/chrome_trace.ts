import { TRACE_PARTS, type TracePart, type TraceSpan } from "../trace.ts";

/** A record of the trace event format (Trace Event Format, "JSON Object Format"); times are in microseconds. */
export type ChromeEvent =
  | { ph: "X"; name: string; cat: TracePart; ts: number; dur: number; pid: number; tid: number }
  | {
    ph: "M";
    name: "process_name" | "thread_name";
    pid: number;
    tid: number;
    args: { name: string };
  }
  | { ph: "M"; name: "process_sort_index"; pid: number; tid: 0; args: { sort_index: number } };

/** A file that Perfetto and chrome://tracing open. */
export interface ChromeTrace {
  displayTimeUnit: "ms";
  traceEvents: ChromeEvent[];
}

/**
 * Lays spans out for the viewer: a process for each part, and in it as many rows as are needed for spans to lie side by
 * side or inside each other, which is all that a row can show.
 *
 * @param command what the trace is of
 * @param start the zero of the trace's clock; what lies before it is left out
 */
export function chromeTrace(
  command: string,
  start: number,
  spans: readonly TraceSpan[],
): ChromeTrace {
  const traceEvents: ChromeEvent[] = [];
  TRACE_PARTS.forEach((part, index) => {
    const own = spans.filter((span) => span.part === part && span.end > start);
    if (own.length === 0) return;
    const pid = index + 1;
    const name = part === "command" ? `podvisor ${command}` : part;
    traceEvents.push(
      { ph: "M", name: "process_name", pid, tid: 0, args: { name } },
      { ph: "M", name: "process_sort_index", pid, tid: 0, args: { sort_index: index } },
    );
    rowsOf(own).forEach((row, at) => {
      const tid = at + 1;
      const args = { name: at === 0 ? part : `${part} (${tid})` };
      traceEvents.push({ ph: "M", name: "thread_name", pid, tid, args });
      for (const { name, start: begin, end } of row) {
        const ts = Math.max(begin - start, 0);
        const dur = end - start - ts;
        traceEvents.push({ ph: "X", name, cat: part, ts, dur, pid, tid });
      }
    });
  });
  return { displayTimeUnit: "ms", traceEvents };
}

/** Each span goes to the first row in which it overlaps with none, but for those that it lies in. */
function rowsOf(spans: readonly TraceSpan[]): TraceSpan[][] {
  const sorted = [...spans].sort((a, b) => a.start - b.start || b.end - a.end);
  const rows: { spans: TraceSpan[]; open: TraceSpan[] }[] = [];
  for (const span of sorted) {
    const fitting = rows.find(({ open }) => {
      while (open.length > 0 && open.at(-1)!.end <= span.start) open.pop();
      return open.length === 0 || open.at(-1)!.end >= span.end;
    });
    const row = fitting ?? { spans: [], open: [] };
    if (!fitting) rows.push(row);
    row.spans.push(span);
    row.open.push(span);
  }
  return rows.map(({ spans }) => spans);
}
