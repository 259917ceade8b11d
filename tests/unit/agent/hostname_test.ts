import { assertEquals } from "@std/assert";
import { cutHostname } from "../../../lib/agent/mod.ts";

const bytes = (text: string) => new TextEncoder().encode(text).length;

Deno.test("a host name of up to 64 bytes stays as it is", () => {
  for (const name of ["", "web", "x".repeat(64), "ä".repeat(32)]) {
    assertEquals(cutHostname(name), name);
  }
});

Deno.test("a longer host name is cut to 64 bytes, and before a character that would be split", () => {
  assertEquals(cutHostname("x".repeat(65)), "x".repeat(64));
  assertEquals(cutHostname("x".repeat(200)), "x".repeat(64));
  assertEquals(cutHostname("x".repeat(63) + "ä"), "x".repeat(63));
  assertEquals(cutHostname("x".repeat(62) + "€€"), "x".repeat(62));
  assertEquals(cutHostname("x".repeat(61) + "😀"), "x".repeat(61));
  for (let length = 50; length < 70; length++) {
    const cut = cutHostname("x".repeat(length) + "😀€ä".repeat(10));
    assertEquals(cut.includes("\ufffd"), false);
    assertEquals(bytes(cut) <= 64 && bytes(cut) > 60, true);
  }
});
