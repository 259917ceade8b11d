import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { lockFile, removeLockFile, tryLockFile } from "../../../lib/sys/mod.ts";

async function inDirectory(test: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await test(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const isThere = (path: string) => Deno.stat(path).then(() => true, () => false);

Deno.test("a lock's file is removed when nobody has the lock, and only then", () =>
  inDirectory(async (directory) => {
    const path = join(directory, "lock");
    const held = await lockFile(path);
    removeLockFile(path);
    assert(await isThere(path));
    held.close();
    removeLockFile(path);
    assertEquals(await isThere(path), false);
  }));

Deno.test("who has waited for a lock whose file was removed keeps others out", () =>
  inDirectory(async (directory) => {
    const path = join(directory, "lock");
    const held = await lockFile(path);
    const waiting = lockFile(path);
    await Deno.remove(path);
    held.close();
    using taken = await waiting;
    assert(taken.number >= 0 && await isThere(path));
    assertEquals(tryLockFile(path), undefined);
  }));
