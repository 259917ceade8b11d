import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  addAddress,
  addLink,
  getLink,
  listAddresses,
  listLinks,
  listNeighbours,
  listQdiscs,
  listRoutes,
  NetlinkError,
  NetlinkSocket,
} from "../../../lib/network/mod.ts";
import { concat, fromHex, randomBytes, seeded } from "../generated.ts";
import { encodeMessage, FakeKernel, type FakeMessage, word } from "./fake_kernel.ts";

const ERROR = 2, DONE = 3, MULTI = 2, DUMP_INTR = 0x10, ACK_TLVS = 0x200, CAPPED = 0x100;
const NEWLINK = 16;
const ENOBUFS = 105;
const LINK: FakeMessage = { type: NEWLINK, flags: MULTI, payload: linkPayload(7, "eth0") };
const END: FakeMessage = { type: DONE, flags: MULTI, payload: word(0) };

/** struct ifinfomsg and the name. */
function linkPayload(index: number, name: string): Uint8Array {
  const text = new TextEncoder().encode(name + "\0");
  const header = new Uint8Array(16 + 4);
  const view = new DataView(header.buffer);
  view.setUint16(2, 1, true);
  view.setInt32(4, index, true);
  view.setUint16(16, 4 + text.length, true);
  view.setUint16(18, 3, true);
  return concat([header, text, new Uint8Array((4 - text.length % 4) % 4)]);
}

function answering(...datagrams: (FakeMessage[] | number)[]): FakeKernel {
  return new FakeKernel((sequence) =>
    datagrams.map((each) =>
      typeof each === "number" ? each : concat(each.map((one) => encodeMessage(one, sequence)))
    )
  );
}

Deno.test("A dump is put together from all its datagrams", () => {
  const more = { ...LINK, payload: linkPayload(8, "eth1") };
  using socket = new NetlinkSocket(answering([LINK, LINK], [more], [END]));
  assertEquals(listLinks(socket).map(({ name }) => name), ["eth0", "eth0", "eth1"]);
});

Deno.test("A refusal carries the kernel's own words, the error number and what was asked for", () => {
  // Error number, header of the request, attribute 1 with the text.
  const text = new TextEncoder().encode("Unknown device type.\0");
  const payload = concat([
    word(-95),
    new Uint8Array(16),
    fromHex("1900 0100"),
    text,
    new Uint8Array(3),
  ]);
  const flags = ACK_TLVS | CAPPED;
  using socket = new NetlinkSocket(answering([{ type: ERROR, flags, payload }]));
  const error = assertThrows(
    () => addLink(socket, { kind: "dummy", name: "d0" }),
    NetlinkError,
    'Cannot add dummy link "d0": Unknown device type (ENOTSUP)',
  );
  assertEquals([error.errno, error.kernelText], [95, "Unknown device type."]);
});

Deno.test("The words are found behind a request that is repeated in full", () => {
  const request = new Uint8Array(24);
  new DataView(request.buffer).setUint32(0, 21, true);
  const text = new TextEncoder().encode("no\0");
  const payload = concat([word(-22), request, fromHex("0700 0100"), text, new Uint8Array(1)]);
  using socket = new NetlinkSocket(answering([{ type: ERROR, flags: ACK_TLVS, payload }]));
  assertThrows(() => getLink(socket, "x"), NetlinkError, 'Cannot get link "x": no (EINVAL)');
});

Deno.test("Without words of the kernel the error number is explained", () => {
  using socket = new NetlinkSocket(
    answering([{ type: ERROR, payload: concat([word(-19), new Uint8Array(16)]) }]),
  );
  assertThrows(
    () => getLink(socket, 9),
    NetlinkError,
    "Cannot get link 9: no such device (ENODEV)",
  );
});

Deno.test("A dump that ends in an error throws it", () => {
  using socket = new NetlinkSocket(
    answering([LINK, { type: DONE, flags: MULTI, payload: word(-13) }]),
  );
  assertThrows(() => listLinks(socket), NetlinkError, "(EACCES)");
});

Deno.test("Messages left over from an earlier request are passed over", () => {
  const old = { ...LINK, sequence: 77 };
  using socket = new NetlinkSocket(answering([old, { ...END, sequence: 77 }], [LINK, END]));
  assertEquals(listLinks(socket).length, 1);
});

for (
  const [what, disturbed] of [
    ["that changed meanwhile", [[{ ...LINK, flags: MULTI | DUMP_INTR }], [END]]],
    ["whose end says that it changed", [[LINK], [{ ...END, flags: MULTI | DUMP_INTR }]]],
    ["of which parts were lost", [[LINK], ENOBUFS, [END]]],
  ] satisfies [string, (FakeMessage[] | number)[]][]
) {
  Deno.test(`A dump ${what} is made again`, () => {
    let dumps = 0;
    const whole: FakeMessage[] = [LINK, LINK, END];
    using socket = new NetlinkSocket(
      new FakeKernel((sequence) =>
        (dumps++ < 3 ? disturbed : [whole]).map((each) =>
          typeof each === "number" ? each : concat(each.map((one) => encodeMessage(one, sequence)))
        )
      ),
    );
    assertEquals(listLinks(socket).length, 2);
    assertEquals(dumps, 4);
  });
}

Deno.test("A dump that never comes to rest is an error", () => {
  using socket = new NetlinkSocket(answering([{ ...END, flags: MULTI | DUMP_INTR }]));
  assertThrows(() => listLinks(socket), NetlinkError, "changes faster than it can be read");
});

Deno.test("Silence is an error, and the connection is not used again", () => {
  const kernel = answering();
  const socket = new NetlinkSocket(kernel);
  assertThrows(() => listLinks(socket), NetlinkError, "the kernel gave no answer (ETIMEDOUT)");
  assert(kernel.closed);
  assertThrows(() => listLinks(socket), TypeError, "the connection has been closed");
});

Deno.test("An acknowledgement that got lost is an error, for the change may have been made or not", () => {
  using socket = new NetlinkSocket(answering(ENOBUFS));
  const address = { address: "10.0.0.1", prefixLength: 8 };
  const link = { index: 1, name: "eth0" };
  assertThrows(() => addAddress(socket, link, address), NetlinkError, "(ENOBUFS)");
});

Deno.test("A question for one object is not content with none or two", () => {
  const done = { type: ERROR, payload: concat([word(0), new Uint8Array(16)]) };
  for (const found of [[], [LINK, LINK]]) {
    using socket = new NetlinkSocket(answering([...found, done]));
    assertThrows(() => getLink(socket, 7), NetlinkError, "answers instead of one");
  }
});

for (
  const [what, datagram] of [
    ["a datagram shorter than a header", fromHex("10 00 00 00 03 00")],
    ["a length of zero", new Uint8Array(16)],
    ["a length beyond the datagram", fromHex("ff000000 1000 0200 01000000 00000000")],
  ] as const
) {
  Deno.test(`Malformed: ${what}`, () => {
    using socket = new NetlinkSocket(new FakeKernel(() => [datagram]));
    assertThrows(() => listLinks(socket), NetlinkError, "malformed answer");
  });
}

for (
  const [what, message] of [
    ["a link shorter than its header", { ...LINK, payload: new Uint8Array(15) }],
    ["an attribute of no length", { ...LINK, payload: new Uint8Array(20) }],
    ["an attribute past its message", {
      ...LINK,
      payload: concat([new Uint8Array(16), fromHex("4000 0300")]),
    }],
    ["a number that is too short", {
      ...LINK,
      payload: concat([new Uint8Array(16), fromHex("0500 0400 01000000")]),
    }],
    ["an error without a number", { type: ERROR, payload: new Uint8Array(2) }],
    ["an error whose request has no end", {
      type: ERROR,
      flags: ACK_TLVS,
      payload: concat([word(-1), word(0x7fffffff), new Uint8Array(12)]),
    }],
    ["an error number above zero", { type: ERROR, payload: word(5) }],
  ] satisfies [string, FakeMessage][]
) {
  Deno.test(`Malformed: ${what}`, () => {
    using socket = new NetlinkSocket(answering([message]));
    assertThrows(() => listLinks(socket), NetlinkError, "malformed answer");
  });
}

Deno.test("Generated answers are read or refused, and never anything else", () => {
  const random = seeded(7);
  const questions = [listLinks, listAddresses, listRoutes, listNeighbours, listQdiscs];
  const outcomes = { read: 0, refused: 0 };
  for (let round = 0; round < 4000; round++) {
    const kernel = new FakeKernel((sequence) => [generatedAnswer(random, sequence)]);
    using socket = new NetlinkSocket(kernel);
    try {
      questions[round % questions.length]!(socket);
      outcomes.read++;
    } catch (error) {
      assert(error instanceof NetlinkError, String(error));
      outcomes.refused++;
    }
  }
  assert(outcomes.read > 100 && outcomes.refused > 100, JSON.stringify(outcomes));
});

/** Messages with random contents, some of whose bytes are then changed. */
function generatedAnswer(random: () => number, sequence: number): Uint8Array {
  const upTo = (most: number) => Math.floor(random() * most);
  const messages = Array.from({ length: 1 + upTo(4) }, () => {
    const attributes = Array.from({ length: upTo(6) }, () => {
      const value = randomBytes(random, upTo(12));
      const head = Uint8Array.of(4 + value.length, 0, upTo(40), upTo(2) * 0x80);
      return concat([head, value, new Uint8Array((4 - value.length % 4) % 4)]);
    });
    // A family, so that routes and addresses are looked into.
    const header = concat([Uint8Array.of([2, 10, 0][upTo(3)]!), randomBytes(random, 19)]);
    const payload = concat([header.subarray(0, [8, 12, 16, 20][upTo(4)]), ...attributes]);
    const type = random() < 0.2 ? [ERROR, DONE][upTo(2)]! : NEWLINK + upTo(6) * 4;
    const flags = MULTI | [0, ACK_TLVS, ACK_TLVS | CAPPED][upTo(3)]!;
    return encodeMessage({ type, flags, payload }, sequence);
  });
  const datagram = concat([...messages, encodeMessage(END, sequence)]);
  for (let damage = upTo(3); damage > 0; damage--) datagram[upTo(datagram.length)] = upTo(256);
  return datagram;
}

Deno.test("Each request has a sequence number of its own", () => {
  const kernel = answering([END]);
  using socket = new NetlinkSocket(kernel);
  listLinks(socket);
  listLinks(socket);
  const [first, second] = kernel.requests.map((each) =>
    new DataView(each.buffer).getUint32(8, true)
  );
  assert(first !== second);
});

Deno.test("A text with a zero byte is not sent", () => {
  const kernel = answering();
  using socket = new NetlinkSocket(kernel);
  const error = assertThrows(() => addLink(socket, { kind: "dummy", name: "a\0b" }), TypeError);
  assertStringIncludes(error.message, "zero byte");
  assertEquals(kernel.requests.length, 0);
});
