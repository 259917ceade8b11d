import { assertEquals, assertThrows } from "@std/assert";
import { gzipSync } from "node:zlib";
import { Failure } from "../../../../lib/failure.ts";
import { concat } from "../../../../lib/guest/image/bytes.ts";
import {
  loadOrder,
  loadOrderOfAll,
  parseModuleIndex,
  readModule,
  withoutSignature,
} from "../../../../lib/guest/image/modules.ts";

const INDEX = parseModuleIndex(
  [
    "kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko kernel/fs/netfs.ko.xz",
    "kernel/net/9p/9pnet.ko:",
    "kernel/fs/netfs.ko.xz:",
    "kernel/drivers/virtio/virtio-rng.ko.zst: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko",
    "kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko",
    "kernel/drivers/virtio/virtio_ring.ko:",
    "kernel/lib/libcrc32c.ko:",
    "kernel/crypto/crc32c_generic.ko:",
    "kernel/fs/erofs/erofs.ko: kernel/lib/libcrc32c.ko",
    "",
  ].join("\n"),
  "kernel/fs/ext4/ext4.ko\n",
);

Deno.test("what a module needs comes before it, the deepest first", () => {
  assertEquals(loadOrder(INDEX, "virtio_rng"), ["virtio_ring", "virtio", "virtio_rng"]);
  assertEquals(loadOrder(INDEX, "9p"), ["netfs", "9pnet", "9p"]);
});

Deno.test("a module that is asked for at run time is loaded as well", () => {
  assertEquals(loadOrder(INDEX, "erofs"), ["crc32c_generic", "libcrc32c", "erofs"]);
});

Deno.test("a built-in module needs nothing, an unknown one is told apart", () => {
  assertEquals(loadOrder(INDEX, "ext4"), []);
  assertEquals(loadOrder(INDEX, "reiserfs"), undefined);
});

Deno.test("several modules are loaded each once", () => {
  assertEquals(loadOrderOfAll(INDEX, ["virtio", "ext4", "virtio_rng"], "6.1"), [
    "virtio_ring",
    "virtio",
    "virtio_rng",
  ]);
});

Deno.test("a kernel without a needed module is refused", () => {
  const error = assertThrows(() => loadOrderOfAll(INDEX, ["virtio_blk"], "6.1-x"), Failure);
  assertEquals(
    error.message,
    "Cannot build a guest with kernel 6.1-x: it has no module virtio_blk",
  );
});

Deno.test("modules are unpacked", async () => {
  const directory = Deno.makeTempDirSync();
  try {
    const content = new TextEncoder().encode("module");
    Deno.writeFileSync(`${directory}/a.ko`, content);
    Deno.writeFileSync(`${directory}/b.ko.gz`, new Uint8Array(gzipSync(content)));
    const index = parseModuleIndex("a.ko:\nb.ko.gz:\n", "");
    for (const name of ["a", "b"]) {
      assertEquals(new Uint8Array(await readModule(directory, index, name)), content);
    }
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("a signature is cut off, anything else is left alone", () => {
  const module = new TextEncoder().encode("\x7fELF module");
  const info = new Uint8Array(12);
  new DataView(info.buffer).setUint32(8, 5, false);
  const mark = new TextEncoder().encode("~Module signature appended~\n");
  assertEquals(withoutSignature(concat([module, new Uint8Array(5), info, mark])), module);
  assertEquals(withoutSignature(module), module);
  new DataView(info.buffer).setUint32(8, 5000, false);
  const lying = concat([module, info, mark]);
  assertEquals(withoutSignature(lying), lying);
});
