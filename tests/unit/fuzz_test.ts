import { assert } from "@std/assert";
import { fuzzGuest } from "../fuzz/guest.ts";
import { fuzzProxy } from "../fuzz/proxy.ts";
import { fuzzShim } from "../fuzz/shim.ts";
import { seeded } from "./generated.ts";

for (
  const [name, fuzz, count] of [
    ["guest engine", fuzzGuest, 10_000],
    ["proxy", fuzzProxy, 6000],
    ["shim", fuzzShim, 4000],
  ] as const
) {
  Deno.test(`nothing that the ${name} is sent ends it or stays open in it (${count} inputs)`, async () => {
    const before = openFiles();
    await fuzz(seeded(count), count);
    assert(openFiles() <= before, `${openFiles()} open files, ${before} before`);
  });
}

function openFiles(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}
