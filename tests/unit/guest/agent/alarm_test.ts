import { assertEquals } from "@std/assert";
import { Alarm } from "../../../../lib/guest/agent/alarm.ts";
import { pause, Poller } from "../../../../lib/sys/mod.ts";

Deno.test("an alarm rings once, a delay after it was set last", async () => {
  const poller = new Poller();
  const running = poller.run();
  const rings: number[] = [];
  const alarm = new Alarm(poller, 60, () => rings.push(performance.now()));
  await pause(80);
  assertEquals(rings, []);
  alarm.set();
  await pause(30);
  const set = performance.now();
  alarm.set();
  await pause(200);
  assertEquals(rings.map((at) => at - set >= 59), [true]);
  alarm.set();
  await pause(120);
  assertEquals(rings.length, 2);
  poller.close();
  alarm.set();
  await running;
});
