import { assert, assertEquals, assertThrows } from "@std/assert";
import { BufferPool } from "../../../lib/proxy/buffer_pool.ts";
import { encodeProxyFrame, FrameType, Stream } from "../../../lib/proxy/frame.ts";
import { jsonMembers } from "../../../lib/proxy/json_members.ts";
import { OutputQueue } from "../../../lib/proxy/output_queue.ts";
import { relocateProcess } from "../../../lib/proxy/relocate.ts";
import { isToken, newToken } from "../../../lib/proxy/token.ts";
import { concat, randomBytes, seeded } from "../generated.ts";

const frame = (payload: Uint8Array) => encodeProxyFrame(FrameType.stream, Stream.stdout, payload);

Deno.test("queued frames come out in order, however small they are and however writing goes", () => {
  const random = seeded(8);
  const pool = new BufferPool(64 * 1024);
  for (let round = 0; round < 6; round++) {
    const queue = new OutputQueue();
    const pushed: Uint8Array[] = [];
    const written: Uint8Array[] = [];
    const write = () => {
      const bytes = queue.take();
      if (!bytes) return;
      // What is pushed while a write is under way must not disturb it.
      const before = bytes.slice();
      push();
      assertEquals(bytes, before);
      written.push(before);
      queue.wrote(before.length);
    };
    const push = () => {
      const bytes = frame(randomBytes(random, Math.floor(random() ** 3 * 20_000)));
      pushed.push(bytes);
      const buffer = pool.take();
      buffer.bytes.set(bytes);
      queue.push(buffer.bytes.subarray(0, bytes.length), buffer);
      buffer.release();
    };
    for (let step = 0; step < 60; step++) random() < 0.6 ? push() : write();
    while (queue.size > 0) {
      const bytes = queue.take()!;
      written.push(bytes.slice());
      queue.wrote(bytes.length);
    }
    assertEquals(concat(written), concat(pushed));
    assertEquals(queue.take(), undefined);
  }
});

Deno.test("a write that stopped half-way is repeated from the first frame that did not go whole", () => {
  const frames = [1, 2, 3].map((value) => frame(new Uint8Array(10).fill(value)));
  for (let count = 0; count < 66; count++) {
    const queue = new OutputQueue();
    queue.push(concat(frames));
    assertEquals(queue.take()?.length, 66);
    queue.wrote(count);
    assertEquals(queue.take(), concat(frames.slice(Math.floor(count / 22))));
    assertEquals(queue.size, 66 - Math.floor(count / 22) * 22);
  }
});

Deno.test("small frames do not keep a read buffer from being used again", () => {
  const pool = new BufferPool(1000);
  const queue = new OutputQueue();
  const buffer = pool.take();
  queue.push(buffer.bytes.subarray(0, 20), buffer);
  buffer.release();
  assert(pool.take() === buffer);
});

Deno.test("large frames hold their read buffer until they are written", () => {
  const pool = new BufferPool(50_000);
  const queue = new OutputQueue();
  const buffer = pool.take();
  queue.push(buffer.bytes, buffer);
  buffer.release();
  assert(pool.take() !== buffer);
  queue.take();
  queue.wrote(50_000);
  assert(pool.take() === buffer);
});

Deno.test("the members of generated JSON objects are found where they stand", () => {
  const random = seeded(9);
  const pick = <T>(values: T[]) => values[Math.floor(random() * values.length)]!;
  const strings = ["", "a", 'q"uote', "back\\slash", "br}ace]", "é,:{["];
  const value = (depth: number): unknown => {
    const kind = Math.floor(random() * (depth > 0 ? 6 : 4));
    if (kind === 0) return pick(strings);
    if (kind === 1) return Math.floor(random() * 1e6) / 8 - 1000;
    if (kind === 2) return pick([true, false]);
    if (kind === 3) return null;
    const items = Array.from({ length: Math.floor(random() * 4) }, () => value(depth - 1));
    if (kind === 4) return items;
    return Object.fromEntries(items.map((item, index) => [pick(strings) + index, item]));
  };
  for (let round = 0; round < 300; round++) {
    const object = Object.fromEntries([0, 1, 2].map((n) => [pick(strings) + n, value(3)]));
    const text = JSON.stringify(object, null, pick(["", " ", "\n\t"]));
    const found = jsonMembers(text).map(({ key, start, end }) =>
      [key, JSON.parse(text.slice(start, end))] as const
    );
    assertEquals(Object.fromEntries(found), object);
    assertEquals(found.length, 3);
  }
});

Deno.test("sequences go in first, in whatever case and number the client wrote its own", () => {
  const cases = [
    ['{"process":{}}', '{"process":{"stdio":5,"stderr":6}}'],
    ['{ "Process" : { "Stdio" : 0, "STDERR" : 0 } }', '{"Process":{"stdio":5,"stderr":6}}'],
    [
      '{"process":{"terminal":true,"stderr":0}}',
      '{"process":{"stdio":5,"terminal":true}}',
    ],
    [
      '{"process":{"args":["{\\"stdio\\":9}"]},"x":{"stdio":9}}',
      '{"process":{"stdio":5,"stderr":6,"args":["{\\"stdio\\":9}"]},"x":{"stdio":9}}',
    ],
    [
      '{"process":{"a":1},"PROCESS":{"b":2}}',
      '{"process":{"stdio":5,"stderr":6,"a":1},"PROCESS":{"stdio":5,"stderr":6,"b":2}}',
    ],
  ];
  for (const [given, expected] of cases) {
    assertEquals(relocateProcess(given!, "execcmd", 5).text, expected);
  }
});

Deno.test("a process that is no object is refused", () => {
  for (const data of ['{"process":[]}', '{"process":"x"}', '{"process":null}', "[]", "7"]) {
    assertThrows(() => relocateProcess(data, "newcontainer", 5), Error, "Cannot read newcontainer");
  }
});

Deno.test("tokens are told from other text", () => {
  for (let count = 0; count < 50; count++) assert(isToken(newToken()));
  for (const text of ["", "abc", "ab+/", "ab==c", "a b="]) assert(!isToken(text), text);
});
