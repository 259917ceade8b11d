import { assert, assertEquals } from "@std/assert";
import {
  addSpans,
  isTracing,
  MAX_TRACE_SPANS,
  trace,
  traceClock,
  traceSteps,
  Tracing,
} from "../../lib/trace.ts";

Deno.test("nothing is recorded while nobody traces", () => {
  trace("unseen")[Symbol.dispose]();
  traceSteps("unseen").next("unseen either");
  assert(!isTracing());
  using tracing = new Tracing("command");
  assertEquals(tracing.spans, []);
});

Deno.test("a span has the time of its block, and belongs to the process's part unless it says another", () => {
  using tracing = new Tracing("proxy");
  const before = traceClock();
  {
    using _outer = trace("outer");
    using _inner = trace("inner", "QEMU");
  }
  const spans = tracing.spans;
  assertEquals(spans.map(({ part, name }) => [part, name]), [["QEMU", "inner"], [
    "proxy",
    "outer",
  ]]);
  const [inner, outer] = spans;
  assert(before <= outer!.start && outer!.start <= inner!.start);
  assert(inner!.start <= inner!.end && inner!.end <= outer!.end && outer!.end <= traceClock());
});

Deno.test("steps follow each other without a gap in their order", () => {
  using tracing = new Tracing("command");
  {
    using steps = traceSteps("first");
    steps.next("second");
  }
  const [first, second] = tracing.spans;
  assertEquals([first!.name, second!.name], ["first", "second"]);
  assert(first!.end <= second!.start);
});

Deno.test("each of several traces has what happened since its begin, and the last one ends the recording", () => {
  using first = new Tracing("proxy");
  addSpans([{ part: "proxy", name: "early", start: 0, end: traceClock() }]);
  {
    using second = new Tracing("proxy", traceClock() + 1000);
    addSpans([{ part: "proxy", name: "late", start: 0, end: traceClock() + 2000 }]);
    assertEquals(second.spans.map(({ name }) => name), ["late"]);
    assert(!second.isLast);
  }
  assertEquals(first.spans.map(({ name }) => name), ["early", "late"]);
  assert(first.isLast);
  first[Symbol.dispose]();
  assert(!isTracing());
});

Deno.test("a bounded number of spans is kept", () => {
  using tracing = new Tracing("command");
  for (let count = 0; count < MAX_TRACE_SPANS + 10; count++) trace("one")[Symbol.dispose]();
  assertEquals(tracing.spans.length, MAX_TRACE_SPANS);
});
