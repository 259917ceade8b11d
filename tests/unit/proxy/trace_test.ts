import { assert, assertEquals, assertRejects } from "@std/assert";
import { FEATURE_TRACE, GoCode, TRACE_CODE } from "../../../lib/hyperstart/mod.ts";
import { ProxyClient, ProxyError } from "../../../lib/proxy/mod.ts";
import { GuestTracer } from "../../../lib/proxy/guest_tracer.ts";
import { traceClock } from "../../../lib/trace.ts";
import { pause } from "../../../lib/sys/mod.ts";
import { reply } from "./fake_guest.ts";
import { Stage } from "./stage.ts";

const HELLO = JSON.stringify({ agent: "podvisor", features: [FEATURE_TRACE] });

/** A guest whose clock is behind by so much, and that answers after some milliseconds. */
function guest(behind: number, delay: number, spans: (clock: number) => unknown) {
  return {
    async request() {
      const clock = traceClock() - behind;
      await pause(delay);
      const trace = { asked: clock, clock, spans: spans(clock) };
      return new TextEncoder().encode(JSON.stringify(trace));
    },
  };
}

Deno.test("a guest's spans are put on the host's clock", async () => {
  const tracer = new GuestTracer();
  const behind = 3_600_000_000;
  await tracer.take(guest(behind, 0, () => []), true);
  const before = traceClock();
  // A slow answer says less of the clocks than the quick one before it did.
  const slow = guest(behind, 100, (clock) => [{ name: "work", start: clock - 500, end: clock }]);
  const [span, ...others] = await tracer.take(slow, false);
  assertEquals([others, span!.part, span!.name, span!.end - span!.start], [
    [],
    "guest",
    "work",
    500,
  ]);
  assert(Math.abs(span!.end - before) < 50_000, `${span!.end - before} µs off`);
});

Deno.test("a guest's trace is taken for what it is: anybody's bytes", async () => {
  const tracer = new GuestTracer();
  const one = (span: unknown) => guest(0, 0, () => [span]);
  const bad = [
    one({ name: "work", start: 5, end: 4 }),
    one({ name: "", start: 0, end: 1 }),
    one({ name: "x".repeat(65), start: 0, end: 1 }),
    one({ name: "\u001b[2J", start: 0, end: 1 }),
    one({ name: "work", start: 1e300, end: 1e300 }),
    one("work"),
    guest(0, 0, () => Array(1025).fill({ name: "work", start: 0, end: 1 })),
    guest(0, 0, () => "none"),
    { request: () => Promise.resolve(new TextEncoder().encode('{"asked":2,"clock":1}')) },
  ];
  for (const each of bad) await assertRejects(() => tracer.take(each, true), Error, "Cannot read");
});

Deno.test("a client that traces gets what the proxy and the guest have recorded", async () => {
  await using stage = new Stage({}, HELLO);
  const clock = traceClock() - 1_000_000;
  const spans = [{ name: "NEWCONTAINER", start: clock, end: clock + 10_000_000 }];
  stage.guest.script = ({ code }) =>
    code === TRACE_CODE
      ? [reply(GoCode.ACK, JSON.stringify({ asked: clock, clock, spans }))]
      : undefined;
  using client = await ProxyClient.connect(stage.url);
  const { control, streams } = stage.guest;
  await client.registerVM({ containerId: "p", ctlSerial: control, ioSerial: streams, trace: true });
  await client.hyper("ping", [], {});
  const found = (await client.endTrace()).map(({ part, name }) => `${part} ${name}`);
  for (const each of ["proxy wait for READY", "proxy hyper", "guest NEWCONTAINER"]) {
    assert(found.includes(each), `${each} in ${found}`);
  }
  const asked = stage.guest.commands.filter(({ code }) => code === TRACE_CODE);
  assertEquals(asked.map(({ text }) => text), [
    '{"record":true}',
    '{"record":false}',
    '{"record":false}',
  ]);
  await assertRejects(() => client.endTrace(), ProxyError, "unknown command 'trace'");
});

Deno.test("a guest that gives nonsense for a trace, or knows none, does not keep its pod from starting", async () => {
  for (const hello of [HELLO, JSON.stringify({ agent: "podvisor" })]) {
    await using stage = new Stage({}, hello);
    stage.guest.script = ({ code }) => code === TRACE_CODE ? [reply(GoCode.ACK, "{")] : undefined;
    using client = await ProxyClient.connect(stage.url);
    const { control, streams } = stage.guest;
    const vm = { containerId: "p", ctlSerial: control, ioSerial: streams };
    await client.registerVM({ ...vm, trace: true });
    assert((await client.endTrace()).every(({ part }) => part === "proxy"));
  }
});
