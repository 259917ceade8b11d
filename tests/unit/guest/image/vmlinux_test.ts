import { assertEquals, assertRejects } from "@std/assert";
import { gzipSync } from "node:zlib";
import { Failure } from "../../../../lib/failure.ts";
import { concat } from "../../../../lib/guest/image/bytes.ts";
import { extractVmlinux } from "../../../../lib/guest/image/vmlinux.ts";
import { sampleElf } from "./elf_samples.ts";

const KERNEL = sampleElf([{ type: 1, address: 0x1000000, data: new Uint8Array(3000).fill(7) }]);
const gzip = (data: Uint8Array) => new Uint8Array(gzipSync(data));

/** A bzImage with one setup sector, whose payload follows some code and is followed by more. */
function bzImage(payload: Uint8Array, { header = true } = {}): Uint8Array<ArrayBuffer> {
  const image = concat([
    new Uint8Array(1024 + 100).fill(0x90),
    payload,
    new Uint8Array(50).fill(1),
  ]);
  const view = new DataView(image.buffer);
  view.setUint8(0x1f1, 1);
  if (header) view.setUint32(0x202, 0x53726448, true);
  view.setUint32(0x248, 100, true);
  view.setUint32(0x24c, payload.length, true);
  return image;
}

Deno.test("a kernel that is an ELF file already stays as it is", async () => {
  assertEquals(await extractVmlinux(KERNEL, "k"), KERNEL);
});

Deno.test("the payload is found by the header of the image", async () => {
  assertEquals(await extractVmlinux(bzImage(gzip(KERNEL)), "k"), KERNEL);
});

Deno.test("without a header the payload is found by its magic number", async () => {
  const decoy = new Uint8Array([0x1f, 0x8b, 0x08, 1, 2, 3]);
  const image = concat([decoy, bzImage(gzip(KERNEL), { header: false })]);
  assertEquals(await extractVmlinux(image, "k"), KERNEL);
});

Deno.test("a payload with the kernel's size behind it is unpacked by the host's program", async () => {
  const child = new Deno.Command("xz", {
    args: ["-c", "--check=crc32"],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const fed = new Blob([KERNEL]).stream().pipeTo(child.stdin);
  const packed = new Uint8Array(await new Response(child.stdout).arrayBuffer());
  await fed;
  await child.status;
  const size = new Uint8Array(new Uint32Array([KERNEL.length]).buffer);
  assertEquals(await extractVmlinux(bzImage(concat([packed, size])), "k"), KERNEL);
});

Deno.test("a kernel that is cut short is refused", async () => {
  const image = bzImage(gzip(KERNEL.subarray(0, 2000)));
  await assertRejects(() => extractVmlinux(image, "k"), Failure, "no compressed kernel found");
});

Deno.test("a file that holds no kernel is refused by name", async () => {
  const error = await assertRejects(
    () => extractVmlinux(new Uint8Array(5000), "/boot/vmlinuz-x"),
    Failure,
    "/boot/vmlinuz-x",
  );
  assertEquals(error.hint, "Name a vmlinux or vmlinuz file with --kernel");
});
