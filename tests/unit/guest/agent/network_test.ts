import { assertEquals, assertThrows } from "@std/assert";
import {
  addressBytes,
  broadcastOf,
  macBytes,
  prefixLength,
} from "../../../../lib/guest/agent/address.ts";
import { NetworkChanges, RTM_NEWADDR, RTM_SETLINK } from "../../../../lib/guest/agent/rtnetlink.ts";

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

Deno.test("netlink messages have aligned attributes and their whole length in front", () => {
  const changes = new NetworkChanges();
  changes.begin("first", RTM_SETLINK).u32(1).number(1, 0x01020304);
  changes.begin("second", RTM_NEWADDR).u8(1).u8(2).u16(0x0403).attribute(2, Uint8Array.of(9, 9, 9));
  changes.nest(3, () => changes.number(1, 5));
  assertEquals([...changes.bytes], [
    ...[28, 0, 0, 0, 19, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ...[1, 0, 0, 0],
    ...[8, 0, 1, 0, 4, 3, 2, 1],
    ...[40, 0, 0, 0, 20, 0, 0x01, 0x05, 1, 0, 0, 0, 0, 0, 0, 0],
    ...[1, 2, 3, 4],
    ...[7, 0, 2, 0, 9, 9, 9, 0],
    ...[12, 0, 3, 0, 8, 0, 1, 0, 5, 0, 0, 0],
  ]);
});

Deno.test("changes grow beyond their first memory", () => {
  const changes = new NetworkChanges();
  changes.begin("long", RTM_SETLINK).attribute(1, new Uint8Array(5000).fill(7));
  assertEquals(changes.bytes.length, 16 + 4 + 5000);
  assertEquals(changes.bytes.at(-1), 7);
});

Deno.test("a hardware address has six bytes in hexadecimal", () => {
  assertEquals([...macBytes("02:aA:00:ff:9c:01")], [2, 0xaa, 0, 0xff, 0x9c, 1]);
  for (const text of ["", "02:aa:00:ff:9c", "02:aa:00:ff:9c:0g", "02-aa:00:ff:9c:01"]) {
    assertThrows(() => macBytes(text), Error, `Cannot use hardware address ${text}`);
  }
});

Deno.test("an IPv4 network's broadcast address has all bits of the host set", () => {
  const broadcast = (text: string, length: number) => [...broadcastOf(addressBytes(text), length)];
  assertEquals(broadcast("10.1.2.3", 24), [10, 1, 2, 255]);
  assertEquals(broadcast("10.1.2.3", 12), [10, 15, 255, 255]);
  assertEquals(broadcast("10.1.2.3", 30), [10, 1, 2, 3]);
  assertEquals(broadcast("10.1.2.3", 0), [255, 255, 255, 255]);
});
