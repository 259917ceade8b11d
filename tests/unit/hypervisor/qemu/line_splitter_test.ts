import { assertEquals, assertThrows } from "@std/assert";
import { LineSplitter, LineTooLongError } from "../../../../lib/hypervisor/qemu/line_splitter.ts";

const TEXT = "one\r\n\ntwo \u00e9\u4e2d\nthr";

Deno.test("lines come out the same however the bytes are cut", () => {
  const bytes = new TextEncoder().encode(TEXT);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const splitter = new LineSplitter(100);
    const lines = [
      ...splitter.push(bytes.subarray(0, cut)),
      ...splitter.push(bytes.subarray(cut)),
      ...splitter.push(new TextEncoder().encode("ee\n")),
    ];
    assertEquals(lines, ["one", "", "two \u00e9\u4e2d", "three"]);
  }
});

Deno.test("a line over the limit is refused as soon as it is, not at its end", () => {
  const splitter = new LineSplitter(4);
  splitter.push(new Uint8Array(4));
  assertThrows(() => splitter.push(new Uint8Array(1)), LineTooLongError);
});
