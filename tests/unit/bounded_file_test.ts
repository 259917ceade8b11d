import { assert, assertEquals } from "@std/assert";
import { BoundedFile } from "../../lib/bounded_file.ts";
import { signalProcess } from "../../lib/sys/mod.ts";
import { eventually } from "../harness/podvisor.ts";

// The library of system calls stays open: it is loaded before a test could be blamed for it.
signalProcess(Deno.pid, 0);

Deno.test("a file that is written to without end stays small, with its end, and nobody loses their place", async () => {
  const path = await Deno.makeTempFile();
  using follower = await Deno.open(path);
  const before = new TextEncoder().encode("first line\n");
  await Deno.writeFile(path, before, { append: true });
  assertEquals(await follower.read(new Uint8Array(before.length)), before.length);
  using _bounded = new BoundedFile(path);
  const flood = new Uint8Array(3 << 20).fill(46);
  await Deno.writeFile(path, flood, { append: true });
  await Deno.writeFile(path, new TextEncoder().encode("last line\n"), { append: true });
  const info = await eventually("it is cut", () => {
    const info = Deno.statSync(path);
    return (info.blocks ?? 0) * 512 <= 1 << 20 ? info : undefined;
  });
  assertEquals(info.size, before.length + flood.length + 10);
  const rest = new Uint8Array(await new Response(follower.readable).arrayBuffer());
  assertEquals(rest.length, flood.length + 10);
  assert(new TextDecoder().decode(rest).endsWith("...last line\n"));
  await Deno.remove(path);
});

Deno.test("a file that moves is kept small where it is now", async () => {
  const directory = await Deno.makeTempDir();
  let path = `${directory}/before`;
  await Deno.writeTextFile(path, "");
  using _bounded = new BoundedFile(() => path);
  await Deno.rename(path, `${directory}/after`);
  path = `${directory}/after`;
  await Deno.writeFile(path, new Uint8Array(3 << 20).fill(46));
  await eventually("it is cut", () => (Deno.statSync(path).blocks ?? 0) * 512 <= 1 << 20);
  await Deno.remove(directory, { recursive: true });
});
