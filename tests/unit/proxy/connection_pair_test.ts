import { assertEquals, assertRejects } from "@std/assert";
import { type Connection, connectionPair, writeAll } from "../../../lib/proxy/mod.ts";

const encoder = new TextEncoder(), decoder = new TextDecoder();
/** What an end holds for its reader, and more than that. */
const HELD = 16 * 1024, MUCH = 100_000;

async function readText(connection: Connection, size = 64): Promise<string | null> {
  const buffer = new Uint8Array(size);
  const count = await connection.read(buffer);
  return count === null ? null : decoder.decode(buffer.subarray(0, count));
}

Deno.test("what is written to one end of a pair is read from the other, in both directions", async () => {
  const [one, two] = connectionPair();
  assertEquals(await one.write(encoder.encode("little ")), 7);
  assertEquals(await one.write(encoder.encode("pieces")), 6);
  assertEquals([await readText(two, 4), await readText(two), await readText(two)], [
    "litt",
    "le ",
    "pieces",
  ]);
  const waiting = readText(one, 4);
  assertEquals(await two.write(encoder.encode("answer")), 6);
  assertEquals([await waiting, await readText(one)], ["answ", "er"]);
});

Deno.test("much is taken from a writer only when it is read, and whole however it is cut", async () => {
  const [one, two] = connectionPair();
  const sent = Uint8Array.from({ length: MUCH }, (_, at) => at * 7);
  let written = false;
  const writing = writeAll(one, sent).then(() => written = true);
  const got: number[] = [];
  for (let size = 1; got.length < MUCH; size = size * 3 % 9973 + 1) {
    const buffer = new Uint8Array(size);
    // What is left at last is little enough to be held for the reader.
    assertEquals(written && got.length < MUCH - HELD, false);
    got.push(...buffer.subarray(0, (await two.read(buffer))!));
  }
  await writing;
  assertEquals(Uint8Array.from(got), sent);
});

Deno.test("small pieces wait for a reader without holding up their writer, up to a bound", async () => {
  const [one, two] = connectionPair();
  const piece = new Uint8Array(1024);
  let count = 0;
  const writing = (async () => {
    while (await one.write(piece)) count++;
  })();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(count, 16);
  two.close();
  await assertRejects(() => writing, Deno.errors.BrokenPipe);
});

Deno.test("what is taken without a copy is the reader's until it has used it, and counts as written only then", async () => {
  const [one, two] = connectionPair();
  const sent = new Uint8Array(MUCH);
  let written = 0;
  const writing = one.write(sent).then((count) => written = count);
  const first = await two.take!();
  assertEquals(first!.bytes.buffer === sent.buffer, true);
  const next = two.take!();
  await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(written, 0);
  first!.used();
  await writing;
  assertEquals(written, MUCH);
  const little = encoder.encode("a copy");
  await one.write(little);
  little.fill(0);
  assertEquals(decoder.decode((await next)!.bytes), "a copy");
  // Who has taken something and goes leaves it unwritten.
  const lost = assertRejects(() => one.write(sent), Deno.errors.BrokenPipe);
  await two.take!();
  two.close();
  await lost;
});

Deno.test("when one end is closed, the other reads what was there and then the end, and cannot write", async () => {
  const [one, two] = connectionPair();
  await one.write(encoder.encode("last"));
  const stuck = one.write(new Uint8Array(MUCH));
  const back = two.write(new Uint8Array(MUCH));
  one.close();
  one.close();
  await assertRejects(() => stuck, Deno.errors.BrokenPipe);
  await assertRejects(() => back, Deno.errors.BrokenPipe);
  assertEquals(await readText(two), "last");
  assertEquals(await readText(two), null);
  await assertRejects(() => two.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
  await assertRejects(() => one.read(new Uint8Array(1)), Deno.errors.BadResource);
  await assertRejects(() => one.write(new Uint8Array(1)), Deno.errors.BrokenPipe);
});

Deno.test("closing an end wakes whoever waits to read at either", async () => {
  const [one, two] = connectionPair();
  const own = assertRejects(() => one.read(new Uint8Array(1)), Deno.errors.BadResource);
  const others = two.read(new Uint8Array(1));
  one.close();
  await own;
  assertEquals(await others, null);
});
