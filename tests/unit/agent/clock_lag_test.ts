import { assert, assertEquals } from "@std/assert";
import { ClockLag } from "../../../lib/agent/hyperstart/clock_lag.ts";

/** An exchange with a guest whose clock is behind by `lag`; messages are under way for some time. */
function exchange(
  known: ClockLag,
  { lag, offset, there, back }: { lag: number; offset: number; there: number; back: number },
): number {
  const sent = 1_000_000, work = 300;
  const asked = sent + there - lag;
  const clock = asked + offset + work;
  known.learn(sent, sent + there + work + back, { asked, clock }, offset);
  return lag - offset;
}

Deno.test("a clock that is set well by a quick message is known to be right", () => {
  const known = new ClockLag();
  const left = exchange(known, { lag: 5000, offset: 4000, there: 2000, back: 1000 });
  assertEquals(left, 1000);
  assertEquals(known.worst, 2000);
});

Deno.test("a clock is right after a quick message, however late others were, and never off by more than is known", () => {
  const known = new ClockLag();
  let lag = exchange(known, { lag: 80_000, offset: 200_000, there: 150_000, back: 3000 });
  assertEquals(lag, -120_000);
  assert(known.worst >= 120_000);
  lag = exchange(known, { lag, offset: known.correction, there: 1000, back: 90_000 });
  assert(Math.abs(lag) <= known.worst);
  lag = exchange(known, { lag, offset: known.correction, there: 70_000, back: 60_000 });
  assert(Math.abs(lag) <= known.worst && known.worst <= 3000, `${lag} ${known.worst}`);
});
