import { assertEquals } from "@std/assert";
import { readU32, UNLIMITED_GRANT } from "../../../../lib/hyperstart/mod.ts";
import { OutputSource } from "../../../../lib/guest/agent/output_source.ts";
import { pipe, Poller, setNonblocking, writeSome } from "../../../../lib/sys/mod.ts";

/** A pipe whose reading end is sent on, and what was sent. */
function scene(credit: number) {
  const poller = new Poller();
  const { read, write } = pipe();
  setNonblocking(read.number);
  const frames: number[] = [];
  let ended = false;
  const sink = {
    hasRoom: true,
    whenRoom: () => {},
    send: (frame: Uint8Array) => void frames.push(readU32(frame, 8) - 12),
  };
  const onEnd = () => {
    ended = true;
    poller.close();
  };
  const source = new OutputSource(poller, read, { sequence: 3, credit, sink, onEnd });
  const sent = () => frames.reduce((sum, each) => sum + each, 0);
  return { poller, write, source, frames, sent, isEnded: () => ended };
}

/** Lets the poller see what there is. */
async function look(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 20));
}

Deno.test("a process sends no more than its credit, and the rest when it gets more", async () => {
  const { poller, write, source, sent, isEnded } = scene(1000);
  const polling = poller.run();
  writeSome(write.number, new Uint8Array(2500));
  await look();
  assertEquals(sent(), 1000);
  source.grant(500);
  await look();
  assertEquals(sent(), 1500);
  // The end of the process does not lift the limit: what it has written is neither lost nor sent unasked.
  write.close();
  source.finish();
  await look();
  assertEquals([sent(), isEnded()], [1500, false]);
  source.grant(UNLIMITED_GRANT);
  await polling;
  assertEquals([sent(), isEnded()], [2500, true]);
});

Deno.test("a process without credit sends all it has", async () => {
  const { poller, write, sent } = scene(0);
  const polling = poller.run();
  writeSome(write.number, new Uint8Array(2500));
  write.close();
  await polling;
  assertEquals(sent(), 2500);
});

Deno.test("what is told instead of a process goes by its credit, and nothing is no frame", () => {
  const text = new TextEncoder().encode("cannot start");
  for (const [credit, frames] of [[0, [text.length, text.length]], [5, [5]]] as const) {
    const { write, source, frames: sent } = scene(credit);
    source.tell(text);
    source.tell(text);
    assertEquals(sent, [...frames]);
    source.end();
    write.close();
  }
});
