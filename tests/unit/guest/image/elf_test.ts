import { assert, assertEquals } from "@std/assert";
import { dynamicNeeds, isElf, isWholeElf, trimElf } from "../../../../lib/guest/image/elf.ts";
import { sampleElf } from "./elf_samples.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("an ELF file is whole only with all of its segments and sections", () => {
  const elf = sampleElf([{ type: 1, address: 0x1000, data: bytes("code") }]);
  assert(isWholeElf(elf));
  for (let length = 0; length < elf.length; length++) {
    assert(!isWholeElf(elf.subarray(0, length)), `cut at ${length}`);
  }
  assert(!isElf(bytes("#!/bin/sh\n".repeat(10))));
});

Deno.test("a trimmed kernel keeps what is loaded, without sections and trailing zeros", () => {
  const elf = sampleElf([
    { type: 1, address: 0x1000, data: bytes("text") },
    { type: 1, address: 0x2000, data: bytes("data\0\0\0\0\0\0\0\0") },
  ], 3);
  const trimmed = trimElf(elf);
  assert(isWholeElf(trimmed));
  assertEquals(trimmed.length, elf.length - 3 * 64 - 8);
  const view = new DataView(trimmed.buffer);
  assertEquals([view.getBigUint64(64 + 56 + 32, true), view.getBigUint64(64 + 56 + 40, true)], [
    4n,
    12n,
  ]);
});

Deno.test("a program's linker and libraries are read from its dynamic section", () => {
  const strings = bytes("\0libone.so\0libtwo.so.2\0");
  const dynamic = new BigInt64Array([1n, 1n, 5n, 0x5000n, 1n, 11n, 0n, 0n]);
  const elf = sampleElf([
    { type: 3, address: 0, data: bytes("/lib64/ld.so\0") },
    { type: 1, address: 0x5000, data: strings },
    { type: 2, address: 0x6000, data: new Uint8Array(dynamic.buffer) },
  ]);
  assertEquals(dynamicNeeds(elf), {
    interpreter: "/lib64/ld.so",
    libraries: ["libone.so", "libtwo.so.2"],
  });
});

Deno.test("a static program needs nothing", () => {
  const elf = sampleElf([{ type: 1, address: 0, data: bytes("code") }]);
  assertEquals(dynamicNeeds(elf), { interpreter: undefined, libraries: [] });
});
