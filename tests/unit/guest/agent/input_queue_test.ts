import { assert, assertEquals } from "@std/assert";
import { InputQueue } from "../../../../lib/guest/agent/input_queue.ts";
import { pipe, Poller, readSome, setNonblocking } from "../../../../lib/sys/mod.ts";

Deno.test("stdin counts as taken when the process has it, or will never take it", async () => {
  using poller = new Poller();
  const { read, write } = pipe();
  setNonblocking(write.number);
  let taken = 0;
  const queue = new InputQueue(poller, write, (count) => taken += count);
  const polling = poller.run();
  queue.write(new Uint8Array(300_000));
  const fitted = taken;
  assert(fitted > 0 && fitted < 300_000, `${fitted} bytes fit into the pipe`);
  readSome(read.number, new Uint8Array(65_536));
  while (taken === fitted) await new Promise((resolve) => setTimeout(resolve, 1));
  assert(taken <= fitted + 65_536);
  queue.close();
  assertEquals(taken, 300_000);
  queue.write(new Uint8Array(5));
  assertEquals(taken, 300_005);
  poller.close();
  read.close();
  // Something to wake it for the last time.
  const last = pipe();
  poller.watch(last.read.number, 1, () => {}).change(1);
  last.write.close();
  await polling;
  last.read.close();
});
