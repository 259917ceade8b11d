import { assertEquals, assertThrows } from "@std/assert";
import {
  formatIp,
  formatMac,
  isIp,
  linkLocalOf,
  parseIp,
  parseMac,
  parsePrefix,
} from "../../../lib/network/mod.ts";
import { randomBytes, seeded } from "../generated.ts";

for (
  const [text, written] of [
    ["10.0.0.1", "10.0.0.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["::", "::"],
    ["::1", "::1"],
    ["fe80::", "fe80::"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["1:2:3:4:5:6::", "1:2:3:4:5:6::"],
  ] as const
) {
  Deno.test(`The address ${text} is written ${written}`, () => {
    assertEquals(formatIp(parseIp(text)), written);
  });
}

for (
  const text of [
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.1.1.1",
    "01.2.3.4",
    "1.2.3.4 ",
    "-1.2.3.4",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8",
    "g::",
    "12345::",
    "::1.2.3",
    "::1.2.3.4:5",
    "::%eth0",
  ]
) {
  Deno.test(`${JSON.stringify(text)} is no address`, () => {
    assertEquals(isIp(text), false);
    assertThrows(() => parseIp(text), TypeError, JSON.stringify(text));
  });
}

Deno.test("Every address comes back from its text", () => {
  const random = seeded(3);
  for (let round = 0; round < 3000; round++) {
    const bytes = randomBytes(random, round % 2 ? 4 : 16);
    // Runs of zeros are what there is to get wrong.
    for (let at = 0; at < bytes.length; at += 2) if (random() < 0.6) bytes.fill(0, at, at + 2);
    assertEquals(parseIp(formatIp(bytes)), bytes);
  }
});

Deno.test("A prefix has the length that its address allows", () => {
  assertEquals(parsePrefix("10.0.0.0/8").length, 8);
  assertEquals(parsePrefix("10.0.0.1").length, 32);
  assertEquals(parsePrefix("fd00::1").length, 128);
  for (const text of ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "/8"]) {
    assertThrows(() => parsePrefix(text), TypeError);
  }
});

Deno.test("Hardware addresses are six bytes in hexadecimal", () => {
  assertEquals(formatMac(parseMac("02:AB:0c:00:00:01")), "02:ab:0c:00:00:01");
  for (const text of ["", "02:ab:0c:00:00", "02-ab-0c-00-00-01", "02:ab:0c:00:00:0g"]) {
    assertThrows(() => parseMac(text), TypeError);
  }
});

Deno.test("The link-local address is made of the hardware address", () => {
  assertEquals(linkLocalOf("02:00:00:00:00:01"), "fe80::ff:fe00:1");
});
