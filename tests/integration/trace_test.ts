import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import type { ChromeEvent, ChromeTrace } from "../../lib/cli/chrome_trace.ts";
import { Bench } from "../harness/podvisor.ts";

type Span = Extract<ChromeEvent, { ph: "X" }>;

/** The spans in a trace file, by part and name. */
async function spansIn(path: string): Promise<Map<string, Span>> {
  const { traceEvents }: ChromeTrace = JSON.parse(await Deno.readTextFile(path));
  return new Map(
    traceEvents.filter((event) => event.ph === "X").map((
      span,
    ) => [`${span.cat}: ${span.name}`, span]),
  );
}

/** How far the clocks of host and guest may seem to be apart on a busy machine, in microseconds. */
const SLACK = 200_000;

function assertWithin(spans: Map<string, Span>, inner: string, outer: string): void {
  const [a, b] = [spans.get(inner), spans.get(outer)];
  assert(a && b, `${inner} and ${outer} in ${[...spans.keys()].join(", ")}`);
  const slack = a.cat === b.cat ? 0 : SLACK;
  const within = a.ts >= b.ts - slack && a.ts + a.dur <= b.ts + b.dur + slack;
  assert(within, `${inner} is not within ${outer}: ${JSON.stringify([a, b])}`);
}

Deno.test("a traced command tells where its time went, on the host and in the guest", async (t) => {
  await using bench = await Bench.make();
  const file = join(bench.state, "trace.json");

  await t.step("run: all parts, one inside the other on one clock", async () => {
    const traced = ["run", "--trace", file, "busybox", "sh", "-c", "echo out; exit 3"];
    const { code, stdout, stderr } = await bench.podvisor(traced);
    assertEquals([code, stdout, stderr], [3, "out\n", ""]);
    const spans = await spansIn(file);
    assertWithin(spans, "command: bring the guest up", "command: run");
    assertWithin(spans, "QEMU: up to its monitor", "command: launch the VM");
    assertWithin(spans, "proxy: wait for READY", "command: bring the guest up");
    assertWithin(spans, "guest: STARTPOD", "command: startpod");
    assertWithin(spans, "guest: NEWCONTAINER", "command: newcontainer");
    assertWithin(spans, "guest: start its process", "guest: NEWCONTAINER");
    const [booted, restored] = ["guest: start of the agent", "QEMU: restore"];
    assert(spans.has(booted!) !== spans.has(restored!), "it has booted, or was restored");
    assertWithin(spans, "shim: claim the streams", "command: run");
    await bench.assertNothingLeft();
  });

  await t.step("pod start and exec: of a proxy and a guest that run already", async () => {
    const must = async (...args: string[]) => {
      const { code, stderr } = await bench.podvisor(args);
      assertEquals([code, stderr], [0, ""], args.join(" "));
    };
    await must("pod", "create", "p");
    await must("container", "create", "--pod", "p", "--name", "c", "busybox", "sleep", "600");
    await must("pod", "start", "--trace", file, "p");
    assertWithin(await spansIn(file), "guest: NEWCONTAINER", "command: newcontainer");
    await must("container", "exec", "--trace", file, "c", "true");
    const spans = await spansIn(file);
    assertWithin(spans, "guest: EXECCMD", "command: execcmd");
    assert(!spans.has("guest: NEWCONTAINER"), "what was before the command is not in its trace");
    await must("pod", "rm", "--force", "p");
  });

  await t.step("a file that cannot be written is refused before anything starts", async () => {
    const { code, stderr } = await bench.podvisor(["run", "--trace", "/proc/no/t", "busybox"]);
    assertEquals(code, 125);
    assertMatch(stderr, /^podvisor: Cannot write a trace to \/proc\/no\/t: /);
  });
});
