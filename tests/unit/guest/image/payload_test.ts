import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { findPayloadPlace, insertPayload } from "../../../../lib/guest/image/compiled_binary.ts";
import { openGuest } from "../../../../lib/guest/image/embedded.ts";
import { packPayload } from "../../../../lib/guest/image/payload.ts";

const RUNTIME = "the runtime ", APPENDED = "the program";

/** Runs in a directory with a made-up compiled binary and two files to put into it. */
async function withBinary(
  run: (directory: string, binary: string, files: string[]) => Promise<void>,
): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    const files = [join(directory, "vmlinux"), join(directory, "busybox")];
    Deno.writeTextFileSync(files[0]!, "kernel ".repeat(1000));
    Deno.writeTextFileSync(files[1]!, "tools", { mode: 0o755 });
    const trailer = new DataView(new ArrayBuffer(16));
    trailer.setUint32(0, 0x501e, true);
    trailer.setBigUint64(8, BigInt(APPENDED.length + 16), true);
    const binary = join(directory, "binary");
    const text = new TextEncoder().encode(RUNTIME + APPENDED);
    Deno.writeFileSync(binary, new Uint8Array([...text, ...new Uint8Array(trailer.buffer)]));
    await run(directory, binary, files);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("a guest comes out of a binary as it went in", () =>
  withBinary(async (directory, binary, files) => {
    const before = Deno.readFileSync(binary);
    assertEquals(openGuest(findPayloadPlace(binary)!), undefined);
    assert(await insertPayload(binary, await packPayload("the key", files)));

    const guest = openGuest(findPayloadPlace(binary)!)!;
    assertEquals(guest.key, "the key");
    const target = join(directory, "out");
    Deno.mkdirSync(target);
    await guest.unpack(target);
    assertEquals(Deno.readTextFileSync(join(target, "vmlinux")), "kernel ".repeat(1000));
    assertEquals(Deno.statSync(join(target, "busybox")).mode! & 0o777, 0o755);

    const after = Deno.readFileSync(binary);
    assertEquals(after.subarray(0, RUNTIME.length), before.subarray(0, RUNTIME.length));
    assertEquals(after.subarray(-APPENDED.length - 16), before.subarray(-APPENDED.length - 16));
  }));

Deno.test("a damaged guest is not unpacked", () =>
  withBinary(async (directory, binary, files) => {
    const payload = await packPayload("the key", files);
    payload[0x12]! ^= 1;
    await insertPayload(binary, payload);
    const guest = openGuest(findPayloadPlace(binary)!)!;
    await assertRejects(() => guest.unpack(directory));
  }));

Deno.test("a binary that ends otherwise is left alone", () =>
  withBinary(async (_directory, _binary, files) => {
    assertEquals(await insertPayload(files[0]!, new Uint8Array(3)), false);
    assertEquals(Deno.readTextFileSync(files[0]!), "kernel ".repeat(1000));
  }));
