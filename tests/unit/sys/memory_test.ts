import { assertEquals, assertThrows } from "@std/assert";
import { cString } from "../../../lib/sys/mod.ts";

Deno.test("a string for the kernel is UTF-8 and ends with a zero byte, which it may not have before", () => {
  for (const text of ["", "/bin/ls", "naïve", "日本/x", "a\u{1F600}b"]) {
    assertEquals([...cString(text)], [...new TextEncoder().encode(text), 0]);
  }
  for (const text of ["\0", "a\0b", "é\0"]) {
    assertThrows(() => cString(text), TypeError, "zero byte");
  }
});
