import { assertEquals, assertThrows } from "@std/assert";
import { addressBytes, broadcastOf, prefixLength } from "../../../../lib/guest/agent/address.ts";
import { encode, RTM_NEWADDR, RTM_SETLINK, u32 } from "../../../../lib/guest/agent/rtnetlink.ts";

Deno.test("addresses of both versions become bytes", () => {
  const bytes = (text: string) => [...addressBytes(text)];
  assertEquals(bytes("10.0.2.15"), [10, 0, 2, 15]);
  assertEquals(bytes("::"), new Array(16).fill(0));
  assertEquals(bytes("::1"), [...new Array(15).fill(0), 1]);
  assertEquals(bytes("fe80::1:2"), [0xfe, 0x80, ...new Array(10).fill(0), 0, 1, 0, 2]);
  assertEquals(bytes("1:2:3:4:5:6:7:8"), [0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]);
  assertEquals(bytes("::ffff:1.2.3.4").slice(10), [0xff, 0xff, 1, 2, 3, 4]);
});

Deno.test("what is no address is refused", () => {
  const wrong = ["", "1.2.3", "1.2.3.256", "1.2.3.4.5", "a.b.c.d", ":", ":::", "1::2::3"];
  wrong.push("1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "1.2.3.4::", "1:2:3:4:5:6:7:8::");
  for (const text of wrong) {
    assertThrows(() => addressBytes(text), Error, `Cannot use address ${text}`);
  }
});

Deno.test("a netmask is a number of bits or dotted", () => {
  assertEquals(prefixLength("24", 32), 24);
  assertEquals(prefixLength("64", 128), 64);
  assertEquals(prefixLength("255.255.240.0", 32), 20);
  assertEquals(prefixLength("0.0.0.0", 32), 0);
  assertEquals(prefixLength("", 32), 32);
  for (const text of ["33", "-1", "255.0.255.0", "x"]) {
    assertThrows(() => prefixLength(text, 32), Error, `Cannot use netmask ${text}`);
  }
});

Deno.test("a netlink message has aligned attributes and the whole length in front", () => {
  const message = encode(RTM_NEWADDR, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), [
    [2, Uint8Array.of(9, 9, 9)],
    [1, u32(0x01020304)],
  ]);
  assertEquals([...message], [
    ...[40, 0, 0, 0, 20, 0, 0x05, 0x05, 1, 0, 0, 0, 0, 0, 0, 0],
    ...[1, 2, 3, 4, 5, 6, 7, 8],
    ...[7, 0, 2, 0, 9, 9, 9, 0],
    ...[8, 0, 1, 0, 4, 3, 2, 1],
  ]);
});

Deno.test("a link is changed, never made", () => {
  assertEquals(encode(RTM_SETLINK, new Uint8Array(16), [])[7], 0);
});

Deno.test("an IPv4 network's broadcast address has all bits of the host set", () => {
  const broadcast = (text: string, length: number) => [...broadcastOf(addressBytes(text), length)];
  assertEquals(broadcast("10.1.2.3", 24), [10, 1, 2, 255]);
  assertEquals(broadcast("10.1.2.3", 12), [10, 15, 255, 255]);
  assertEquals(broadcast("10.1.2.3", 30), [10, 1, 2, 3]);
  assertEquals(broadcast("10.1.2.3", 0), [255, 255, 255, 255]);
});
