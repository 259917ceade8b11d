import { join } from "@std/path";
import { busyboxPrograms, busyboxTree } from "./busybox_tree.ts";

/**
 * The built-in root file system: a busybox with a link for each of its programs. It is made once for each busybox,
 * kept in the cache, and never written to by a container.
 *
 * @param busybox path of a static busybox
 * @returns the directory
 * @throws {Failure} when the busybox cannot say what it contains
 */
export async function busyboxRoot(cache: string, busybox: string): Promise<string> {
  const { size, mtime } = await Deno.stat(busybox);
  const root = join(cache, "busybox", `${size}-${mtime?.getTime() ?? 0}`);
  if (await isDirectory(root)) return root;
  const beside = `${root}.${Deno.pid}`;
  await Deno.mkdir(beside, { recursive: true, mode: 0o755 });
  try {
    await fill(beside, busybox);
    await Deno.rename(beside, root);
  } catch (error) {
    await Deno.remove(beside, { recursive: true });
    // Another command was faster.
    if (!await isDirectory(root)) throw error;
  }
  return root;
}

async function fill(root: string, busybox: string): Promise<void> {
  for (const entry of busyboxTree(await busyboxPrograms(busybox))) {
    const path = join(root, entry.path);
    switch (entry.kind) {
      case "directory":
        await Deno.mkdir(path, { recursive: true });
        await Deno.chmod(path, entry.mode);
        break;
      case "file":
        await Deno.writeTextFile(path, entry.text);
        break;
      case "link":
        await Deno.symlink(entry.target, path);
        break;
      case "program":
        await Deno.copyFile(busybox, path);
        await Deno.chmod(path, 0o755);
    }
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
