import { assertEquals } from "@std/assert";
import { pause, pipe, Poller, readSome, writeSome } from "../../../lib/sys/mod.ts";

const EPOLLIN = 1;

Deno.test("a poller that is alone waits for calls on other threads, and rests without a timer", async () => {
  const poller = new Poller({ linger: 1, alone: true });
  const { read, write } = pipe();
  using _read = read;
  using _write = write;
  const seen: string[] = [];
  poller.watch(read.number, EPOLLIN, () => {
    seen.push(`byte ${readSome(read.number, new Uint8Array(1))}`);
    poller.close();
  });
  const running = poller.run();
  // Longer than it takes to come to rest: it may not do so while this is under way.
  await pause(200);
  seen.push("pause");
  writeSome(write.number, new Uint8Array(1));
  await running;
  assertEquals(seen, ["pause", "byte 1"]);
});

Deno.test("a poller that is alone rests on the thread of JavaScript until there is an event", async () => {
  const poller = new Poller({ linger: 1, alone: true });
  const { read, write } = pipe();
  using _read = read;
  using _write = write;
  let timers = 0;
  const timer = setInterval(() => timers++, 1);
  const { promise, resolve } = Promise.withResolvers<void>();
  poller.watch(read.number, EPOLLIN, () => {
    poller.close();
    resolve();
  });
  const writer = new Deno.Command("sh", {
    args: ["-c", `sleep 0.5; echo >/proc/${Deno.pid}/fd/${write.number}`],
  }).spawn();
  const start = performance.now();
  await poller.run();
  const waited = performance.now() - start;
  await promise;
  clearInterval(timer);
  await writer.status;
  assertEquals(waited > 400, true, `it waited ${waited} ms`);
  assertEquals(timers < 100, true, `${timers} timers ran meanwhile`);
});
