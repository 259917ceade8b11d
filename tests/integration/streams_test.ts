import { assertEquals } from "@std/assert";
import { Bench } from "../harness/podvisor.ts";

const BYTES = 8_000_000;

Deno.test("a command whose output nobody reads waits, and the others of its pod go on", async () => {
  await using bench = await Bench.make();
  const zeros = `dd if=/dev/zero bs=100000 count=${BYTES / 100_000} 2>/dev/null`;
  await bench.podvisor(["pod", "run", "web"]);
  const run = ["container", "run", "--pod", "web", "busybox", "sh", "-c", `${zeros}; exit 3`];
  const unread = bench.start(run);
  const reader = unread.stdout.getReader();
  const first = await reader.read();
  // More than all queues between the two processes hold.
  for (let round = 0; round < 3; round++) {
    const { code, stdout } = await bench.podvisor(run);
    assertEquals([code, stdout.length], [3, BYTES]);
  }
  let count = first.value?.length ?? 0;
  for (let piece; (piece = await reader.read()).value;) count += piece.value.length;
  const errors = await new Response(unread.stderr).text();
  assertEquals([count, (await unread.status).code, errors], [BYTES, 3, ""]);
  await bench.podvisor(["pod", "rm", "--force", "web"]);
  await bench.assertNothingLeft();
});
