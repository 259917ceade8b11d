import { assert, assertEquals, assertThrows } from "@std/assert";
import { FrameError } from "../../../lib/hyperstart/mod.ts";
import {
  Command,
  encodeJsonFrame,
  encodeProxyFrame,
  FrameType,
  Notification,
  ProxyDecoder,
  type ProxyFrame,
  Stream,
} from "../../../lib/proxy/mod.ts";
import { captures } from "../captures.ts";
import { concat, fromHex, randomBytes, randomPieces, seeded } from "../generated.ts";

const encoder = new TextEncoder();

function decode(decoder: ProxyDecoder, chunks: Iterable<Uint8Array>): ProxyFrame[] {
  const frames: ProxyFrame[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
  }
  return frames;
}

const recode = (frames: ProxyFrame[]) =>
  concat(
    frames.map(({ type, opcode, payload, error }) =>
      encodeProxyFrame(type, opcode, payload, error)
    ),
  );

Deno.test("proxy frames have the bytes of the protocol's examples", () => {
  assertEquals(
    encodeJsonFrame(FrameType.command, Command.signal, {}),
    fromHex("000203000000000600000002 7b7d"),
  );
  assertEquals(
    encodeJsonFrame(FrameType.response, Command.attachVM, {}, true),
    fromHex("000203000000110200000002 7b7d"),
  );
  assertEquals(
    encodeProxyFrame(FrameType.notification, Notification.processExited, Uint8Array.of(42)),
    fromHex("000203000000030000000001 2a"),
  );
});

Deno.test("proxy frames decode the same wherever the stream is split", () => {
  const bytes = concat([
    encodeJsonFrame(FrameType.command, Command.signal, { signalNumber: 2 }),
    encodeProxyFrame(FrameType.stream, 1),
    encodeJsonFrame(FrameType.response, Command.hyper, { msg: "x" }, true),
  ]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const halves = [bytes.subarray(0, cut), bytes.subarray(cut)];
    assertEquals(recode(decode(new ProxyDecoder(), halves)), bytes);
  }
});

Deno.test("the words of a longer header are skipped", () => {
  const [frame] = decode(new ProxyDecoder(), [
    fromHex("0002 04 000000 0201 00000002 ffffffff 6869"),
  ]);
  assertEquals(frame?.payload, fromHex("6869"));
});

Deno.test("reserved bits beside the error flag do not matter", () => {
  const [frame] = decode(new ProxyDecoder(), [fromHex("0002 03 abcdef f103 00000000")]);
  assertEquals([frame?.type, frame?.error], [FrameType.response, true]);
});

Deno.test("runs of stdin and what stands between them come out whole and in order wherever the stream is split", () => {
  const { stream, command } = FrameType;
  const stdin = (text: string) => encodeProxyFrame(stream, Stream.stdin, encoder.encode(text));
  const longer = fromHex("0002 04 000000 0200 00000002 ffffffff 6869");
  const bytes = concat([
    ...["a", "", "bcd"].map(stdin),
    encodeProxyFrame(stream, Stream.log),
    ...["e", "fg"].map(stdin),
    longer,
    stdin("h"),
    encodeProxyFrame(command, Command.disconnectShim),
  ]);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const decoder = new ProxyDecoder();
    const parts: Uint8Array[] = [];
    let runs = 0;
    for (const half of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      decoder.push(half);
      for (;;) {
        const run = decoder.nextStdin();
        if (run) parts.push(run.slice()), runs++;
        const frame = decoder.next();
        if (!frame) break;
        parts.push(frame.bytes.slice());
      }
    }
    assertEquals(concat(parts), bytes);
    if (cut === 0) assertEquals(runs, 3);
  }
});

Deno.test("a frame of stdin over the bound ends the run before it, and is an error then", () => {
  const decoder = new ProxyDecoder({ maxPayload: 4 });
  const good = encodeProxyFrame(FrameType.stream, Stream.stdin, Uint8Array.of(1, 2, 3, 4));
  const bad = encodeProxyFrame(FrameType.stream, Stream.stdin, new Uint8Array(5));
  decoder.push(concat([good, good, bad]));
  assertEquals(decoder.nextStdin(), concat([good, good]));
  assertEquals(decoder.nextStdin(), undefined);
  assertThrows(() => decoder.next(), FrameError, "over the limit");
});

for (
  const [what, hex, message] of [
    ["another version", "0001 03 000000 0000 00000000", "frame: bad version 1"],
    ["a header below three words", "0002 02 000000 0000 00000000", "frame: bad header length 8"],
    ["an unknown type", "0002 03 000000 0400 00000000", "frame: bad type 4"],
    ["an unknown command", "0002 03 000000 0007 00000000", "frame: bad opcode (7) for type 0"],
    ["an unknown stream", "0002 03 000000 0204 00000000", "frame: bad opcode (4) for type 2"],
    ["a payload over the bound", "0002 03 000000 0000 00100001", "over the limit"],
  ] as const
) {
  Deno.test(`${what} is an error as soon as the header is there`, () => {
    const decoder = new ProxyDecoder();
    decoder.push(fromHex(hex));
    assertThrows(() => decoder.next(), FrameError, message);
  });
}

Deno.test("generated proxy frames in generated pieces come back unchanged", () => {
  const random = seeded(4);
  for (let round = 0; round < 30; round++) {
    const bytes = concat(Array.from({ length: 10 }, () =>
      encodeProxyFrame(
        FrameType.stream,
        Math.floor(random() * 4),
        randomBytes(random, Math.floor(random() * 3000)),
      )));
    const decoder = new ProxyDecoder();
    assertEquals(recode(decode(decoder, randomPieces(random, bytes, 700))), bytes);
    assertEquals(decoder.pendingBytes, 0);
  }
});

Deno.test("garbage gives frames or an error, never an unbounded buffer", () => {
  const random = seeded(5);
  for (let round = 0; round < 300; round++) {
    const decoder = new ProxyDecoder({ maxPayload: 1000 });
    const garbage = randomBytes(random, 2000);
    // Past the first check, so that the others get their share.
    if (round % 2) garbage.set(fromHex("0002 03"));
    try {
      for (const piece of randomPieces(random, garbage, 90)) {
        decode(decoder, [piece]);
        assert(decoder.pendingBytes <= 2100);
      }
    } catch (error) {
      assert(error instanceof FrameError);
    }
  }
});

for (const { name, bytes } of captures(/\.prx-\d+\..*\.bin$/)) {
  Deno.test(`recorded proxy stream ${name} decodes wholly and encodes to the same bytes`, () => {
    const decoder = new ProxyDecoder();
    assertEquals(recode(decode(decoder, randomPieces(seeded(1), bytes, 40))), bytes);
    assertEquals(decoder.pendingBytes, 0);
  });
}
