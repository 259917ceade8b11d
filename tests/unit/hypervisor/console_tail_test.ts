import { assertEquals } from "@std/assert";
import { readConsoleTail } from "../../../lib/hypervisor/mod.ts";

function tailOf(bytes: string | Uint8Array<ArrayBuffer>): string[] {
  const path = Deno.makeTempFileSync();
  try {
    Deno.writeFileSync(path, typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
    return readConsoleTail(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("the console's tail is its last twenty lines, without empty ones", () => {
  const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);
  assertEquals(tailOf(lines.join("\r\n\r\n") + "\r\n"), lines.slice(10));
});

Deno.test("the console's tail cannot steer a terminal", () => {
  assertEquals(tailOf("\x1b[2Jgone\x07 \x1b]0;title\x9b31m\u202e!\n"), ["gone ]0;title31m!"]);
});

Deno.test("long lines and bytes that are no text are cut and replaced", () => {
  const [line] = tailOf("x".repeat(100_000));
  assertEquals(line, "x".repeat(200) + "…");
  assertEquals(tailOf(new Uint8Array([0x61, 0xff, 0x62, 10])), ["a\ufffdb"]);
});

Deno.test("a console without a file has no tail", () => {
  assertEquals(readConsoleTail("/nonexistent/console"), []);
});
