import { assertEquals } from "@std/assert";
import { chromeTrace } from "../../../lib/cli/chrome_trace.ts";
import type { TraceSpan } from "../../../lib/trace.ts";

function span(part: TraceSpan["part"], name: string, start: number, end: number): TraceSpan {
  return { part, name, start, end };
}

/** Names of complete events by process and row. */
function rows(spans: TraceSpan[], start = 0): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const event of chromeTrace("run", start, spans).traceEvents) {
    if (event.ph === "X") (found[`${event.pid}.${event.tid}`] ??= []).push(event.name);
  }
  return found;
}

Deno.test("spans become complete events of a named process and row, in microseconds since the start", () => {
  const trace = chromeTrace("run", 1000, [span("proxy", "wait", 1500, 1700)]);
  assertEquals(JSON.parse(JSON.stringify(trace)), {
    displayTimeUnit: "ms",
    traceEvents: [
      { ph: "M", name: "process_name", pid: 3, tid: 0, args: { name: "proxy" } },
      { ph: "M", name: "process_sort_index", pid: 3, tid: 0, args: { sort_index: 2 } },
      { ph: "M", name: "thread_name", pid: 3, tid: 1, args: { name: "proxy" } },
      { ph: "X", name: "wait", cat: "proxy", ts: 500, dur: 200, pid: 3, tid: 1 },
    ],
  });
});

Deno.test("spans inside and beside each other share a row, others get a further one", () => {
  const nested = [
    span("command", "all", 0, 100),
    span("command", "first", 0, 40),
    span("command", "in first", 10, 40),
    span("command", "second", 40, 100),
  ];
  assertEquals(rows(nested), { "1.1": ["all", "first", "in first", "second"] });
  const overlapping = [...nested, span("command", "across", 30, 60), span("guest", "boot", 20, 70)];
  assertEquals(rows(overlapping), {
    "1.1": ["all", "first", "in first", "second"],
    "1.2": ["across"],
    "5.1": ["boot"],
  });
});

Deno.test("what lies before the start is cut off", () => {
  const spans = [span("guest", "saved", 10, 90), span("guest", "restored", 90, 150)];
  const events = chromeTrace("run", 100, spans).traceEvents.filter((event) => event.ph === "X");
  assertEquals(events.map(({ name, ts, dur }) => [name, ts, dur]), [["restored", 0, 50]]);
});
