import { assertEquals } from "@std/assert";
import { packCpio } from "../../../../lib/guest/image/cpio.ts";

Deno.test("members are laid out as newc archives have them", () => {
  const archive = packCpio([
    { kind: "directory", path: "dev" },
    { kind: "character", path: "dev/console", major: 5, minor: 1 },
    { kind: "file", path: "init", mode: 0o755, data: new TextEncoder().encode("hello") },
    { kind: "symlink", path: "sh", target: "init" },
  ]);
  assertEquals(readCpio(archive), [
    { path: "dev", mode: 0o040755, device: [0, 0], data: "" },
    { path: "dev/console", mode: 0o020600, device: [5, 1], data: "" },
    { path: "init", mode: 0o100755, device: [0, 0], data: "hello" },
    { path: "sh", mode: 0o120777, device: [0, 0], data: "init" },
    { path: "TRAILER!!!", mode: 0, device: [0, 0], data: "" },
  ]);
});

Deno.test("equal entries give equal archives", () => {
  const pack = () => packCpio([{ kind: "file", path: "a", data: new Uint8Array(3) }]);
  assertEquals(pack(), pack());
});

/** Reads an archive: 13 numbers of 8 hexadecimal digits, name and data, each padded to 4 bytes. */
function readCpio(archive: Uint8Array) {
  const text = (from: number, length: number) =>
    new TextDecoder().decode(archive.subarray(from, from + length));
  const members = [];
  for (let at = 0; at < archive.length;) {
    assertEquals(text(at, 6), "070701");
    const field = (index: number) => parseInt(text(at + 6 + index * 8, 8), 16);
    const [size, nameSize] = [field(6), field(11)];
    const dataAt = Math.ceil((at + 110 + nameSize) / 4) * 4;
    members.push({
      path: text(at + 110, nameSize - 1),
      mode: field(1),
      device: [field(9), field(10)],
      data: text(dataAt, size),
    });
    at = Math.ceil((dataAt + size) / 4) * 4;
  }
  return members;
}
