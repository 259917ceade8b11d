import { assert, assertEquals } from "@std/assert";
import { makeLifePipe, openLifePipe, signalProcess, waitForEnd } from "../../../lib/sys/mod.ts";

// The library of system calls stays open: it is loaded before a test could be blamed for it.
signalProcess(Deno.pid, 0);

Deno.test("a life pipe tells whether somebody holds it open, and when that ends", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/life`;
  assertEquals(openLifePipe(path), undefined);
  makeLifePipe(path);
  assertEquals([Deno.statSync(path).isFifo, Deno.statSync(path).mode! & 0o777], [true, 0o600]);
  assertEquals(openLifePipe(path), undefined);
  const held = Deno.openSync(path, { read: true, write: true });
  {
    using first = openLifePipe(path);
    using second = openLifePipe(path);
    assert(first && second);
    assertEquals(await waitForEnd(first, 10), false);
    const waiting = waitForEnd(second);
    held.close();
    assertEquals([await waitForEnd(first, 10_000), await waiting], [true, true]);
  }
  assertEquals(openLifePipe(path), undefined);
  // One that is there is replaced: who waits with it waits for the old one.
  const old = Deno.openSync(path, { read: true, write: true });
  makeLifePipe(path);
  assertEquals(openLifePipe(path), undefined);
  old.close();
  await Deno.remove(directory, { recursive: true });
});
