import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  ControlDecoder,
  type ControlFrame,
  encodeControlFrame,
  encodeStreamFrame,
  FrameError,
  StreamDecoder,
  type StreamFrame,
} from "../../../lib/hyperstart/mod.ts";
import { captures } from "../captures.ts";
import { concat, fromHex, randomBytes, randomPieces, seeded } from "../generated.ts";

interface Decoder<F> {
  push(chunk: Uint8Array): void;
  next(): F | undefined;
  readonly pendingBytes: number;
}

function decode<F>(decoder: Decoder<F>, chunks: Iterable<Uint8Array>): F[] {
  const frames: F[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let frame = decoder.next(); frame; frame = decoder.next()) frames.push(frame);
  }
  return frames;
}

const recodeControl = (frames: ControlFrame[]) =>
  concat(frames.map((frame) => encodeControlFrame(frame.code, frame.payload)));
const recodeStream = (frames: StreamFrame[]) =>
  concat(frames.map((frame) => encodeStreamFrame(frame.sequence, frame.payload)));

const text = (value: string) => new TextEncoder().encode(value);

Deno.test("control frames have the bytes of the protocol's examples", () => {
  assertEquals(encodeControlFrame(8), fromHex("00000008 00000008"));
  assertEquals(encodeControlFrame(9), fromHex("00000009 00000008"));
  assertEquals(encodeControlFrame(9, fromHex("00001094")), fromHex("00000009 0000000c 00001094"));
});

Deno.test("stream frames have the bytes of the protocol's examples", () => {
  assertEquals(encodeStreamFrame(3), fromHex("0000000000000003 0000000c"));
  assertEquals(encodeStreamFrame(3, fromHex("2a")), fromHex("0000000000000003 0000000d 2a"));
  assertEquals(encodeStreamFrame(2 ** 40 + 5), fromHex("0000010000000005 0000000c"));
});

Deno.test("frames decode the same however the stream is split in two or cut into single bytes", () => {
  const control = concat([
    encodeControlFrame(8),
    encodeControlFrame(17, text('{"id":"a"}')),
    encodeControlFrame(0xffffffff, text("x")),
  ]);
  const stream = concat([
    encodeStreamFrame(3, text("hello")),
    encodeStreamFrame(3),
    encodeStreamFrame(2 ** 53 - 1, fromHex("00")),
  ]);
  for (let cut = 0; cut <= control.length; cut++) {
    const halves = [control.subarray(0, cut), control.subarray(cut)];
    assertEquals(recodeControl(decode(new ControlDecoder(), halves)), control);
  }
  for (let cut = 0; cut <= stream.length; cut++) {
    const halves = [stream.subarray(0, cut), stream.subarray(cut)];
    assertEquals(recodeStream(decode(new StreamDecoder(), halves)), stream);
  }
  const bytes = Array.from(control, (byte) => Uint8Array.of(byte));
  assertEquals(recodeControl(decode(new ControlDecoder(), bytes)), control);
});

Deno.test("generated frames in generated pieces come back unchanged and in order", () => {
  const random = seeded(1);
  for (let round = 0; round < 50; round++) {
    const sent = Array.from({ length: 20 }, () => ({
      sequence: Math.floor(random() * 2 ** 53),
      payload: randomBytes(random, Math.floor(random() ** 3 * 5000)),
    }));
    const bytes = concat(sent.map((frame) => encodeStreamFrame(frame.sequence, frame.payload)));
    const pieces = randomPieces(random, bytes, [1, 7, 300, 20000][round % 4]!);
    const decoder = new StreamDecoder();
    const got = decode(decoder, pieces);
    assertEquals(got.map(({ sequence, payload }) => ({ sequence, payload })), sent);
    assertEquals(decoder.pendingBytes, 0);
  }
});

Deno.test("a frame that lies whole in one chunk is not copied, and neighbours are adjacent", () => {
  const chunk = concat([encodeStreamFrame(1, text("ab")), encodeStreamFrame(2, text("c"))]);
  const [first, second] = decode(new StreamDecoder(), [chunk]);
  assert(first?.bytes.buffer === chunk.buffer && second?.bytes.buffer === chunk.buffer);
  assertEquals(first.bytes.byteOffset + first.bytes.length, second.bytes.byteOffset);
});

Deno.test("a length below the header is an error that names it, and the decoder stays broken", () => {
  const control = new ControlDecoder();
  control.push(fromHex("00000009 00000007"));
  assertThrows(() => control.next(), FrameError, "length 7 is below its header's 8 bytes");
  assertThrows(() => control.push(fromHex("00000009 00000008")), FrameError, "length 7");

  const stream = new StreamDecoder();
  stream.push(fromHex("0000000000000003 00000000"));
  assertThrows(() => stream.next(), FrameError, "length 0 is below its header's 12 bytes");
});

Deno.test("a length over the bound is an error as soon as the header is there", () => {
  const control = new ControlDecoder({ maxFrame: 100 });
  control.push(encodeControlFrame(9, new Uint8Array(92)));
  assertEquals(control.next()?.payload.length, 92);
  control.push(fromHex("00000009 00000065"));
  assertThrows(() => control.next(), FrameError, "101 is over the limit of 100 bytes");

  const stream = new StreamDecoder();
  for (const byte of fromHex("0000000000000003 ffffff")) {
    stream.push(Uint8Array.of(byte));
    assertEquals(stream.next(), undefined);
  }
  stream.push(fromHex("ff"));
  assertThrows(() => stream.next(), FrameError, "over the limit");
});

Deno.test("a frame cut off at the end of the stream shows as pending bytes", () => {
  const decoder = new ControlDecoder();
  decode(decoder, [encodeControlFrame(9, text("abc")).subarray(0, 10)]);
  assertEquals(decoder.pendingBytes, 10);
});

Deno.test("a reader that moves unfinished frames on gets every frame whole in its buffer", () => {
  const random = seeded(7);
  const bytes = concat(
    Array.from(
      { length: 200 },
      (_, index) => encodeStreamFrame(index, randomBytes(random, Math.floor(random() * 300))),
    ),
  );
  const decoder = new StreamDecoder();
  const frames: StreamFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    const buffer = new Uint8Array(400);
    const kept = decoder.movePending(buffer);
    const count = Math.min(bytes.length - at, 1 + Math.floor(random() * (400 - kept)));
    buffer.set(bytes.subarray(at, at + count), kept);
    at += count;
    decoder.push(buffer.subarray(0, kept + count));
    for (let frame = decoder.next(); frame; frame = decoder.next()) {
      assert(frame.bytes.buffer === buffer.buffer);
      frames.push(frame);
    }
  }
  assertEquals(recodeStream(frames), bytes);
});

Deno.test("an unfinished frame that would not fit is put together in a buffer of its own", () => {
  const bytes = encodeStreamFrame(3, new Uint8Array(1000).fill(7));
  const decoder = new StreamDecoder();
  decoder.push(bytes.subarray(0, 100));
  assertEquals(decoder.next(), undefined);
  assertEquals(decoder.movePending(new Uint8Array(200)), 0);
  decoder.push(bytes.subarray(100));
  assertEquals(decoder.next()?.bytes, bytes);
});

Deno.test("garbage gives frames within the bound or an error, never more", () => {
  const random = seeded(2);
  let errors = 0;
  for (let round = 0; round < 300; round++) {
    const decoder = new ControlDecoder({ maxFrame: 4096 });
    try {
      for (const piece of randomPieces(random, randomBytes(random, 600), 50)) {
        for (const frame of decode(decoder, [piece])) assert(frame.payload.length <= 4088);
        assert(decoder.pendingBytes <= 4096);
      }
    } catch (error) {
      assert(error instanceof FrameError);
      errors++;
    }
  }
  assert(errors > 250);
});

for (const { name, bytes } of captures(/\.ctl\..*\.bin$/)) {
  Deno.test(`recorded control stream ${name} decodes wholly and encodes to the same bytes`, () => {
    const decoder = new ControlDecoder();
    const pieces = randomPieces(seeded(bytes.length), bytes, 100);
    assertEquals(recodeControl(decode(decoder, pieces)), bytes);
    assertEquals(decoder.pendingBytes, 0);
  });
}

for (const { name, bytes } of captures(/\.tty\..*\.bin$/)) {
  Deno.test(`recorded stream channel ${name} decodes wholly and encodes to the same bytes`, () => {
    const decoder = new StreamDecoder();
    const pieces = randomPieces(seeded(bytes.length), bytes, 100);
    assertEquals(recodeStream(decode(decoder, pieces)), bytes);
    assertEquals(decoder.pendingBytes, 0);
  });
}
