import { assertEquals } from "@std/assert";
import { detectFileSystem } from "../../../lib/storage/mod.ts";

/** What is found in a file with these bytes at this place. */
async function detect(at: number, bytes: readonly number[]): Promise<string | undefined> {
  const path = await Deno.makeTempFile();
  try {
    using file = await Deno.open(path, { write: true });
    await file.seek(at, Deno.SeekMode.Start);
    await file.write(Uint8Array.from(bytes));
    return await detectFileSystem(path);
  } finally {
    await Deno.remove(path);
  }
}

const text = (word: string) => [...word].map((each) => each.charCodeAt(0));

Deno.test("a file system is told by the mark in its superblock", async () => {
  assertEquals(await detect(1080, [0x53, 0xef]), "ext4");
  assertEquals(await detect(0, text("XFSB")), "xfs");
  assertEquals(await detect(0, text("hsqs")), "squashfs");
  assertEquals(await detect(1024, [0xe2, 0xe1, 0xf5, 0xe0]), "erofs");
});

Deno.test("other files, and marks that are cut or in other places, are no file system", async () => {
  assertEquals(await detect(0, []), undefined);
  assertEquals(await detect(1080, [0x53]), undefined);
  assertEquals(await detect(1, text("XFSB")), undefined);
});
