import { dirname, join } from "@std/path";
import { Failure } from "../failure.ts";

const DIRECTORIES = [
  "bin",
  "dev",
  "etc",
  "home",
  "mnt",
  "proc",
  "root",
  "run",
  "sys",
  "tmp",
  "usr",
  "var",
];

const FILES: Readonly<Record<string, string>> = {
  "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "etc/group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
  "etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
  "etc/resolv.conf": "",
  "etc/hostname": "",
};

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
  for (const name of DIRECTORIES) await Deno.mkdir(join(root, name));
  await Deno.chmod(join(root, "tmp"), 0o1777);
  await Deno.copyFile(busybox, join(root, "bin/busybox"));
  await Deno.chmod(join(root, "bin/busybox"), 0o755);
  for (const [name, text] of Object.entries(FILES)) {
    await Deno.writeTextFile(join(root, name), text);
  }
  const { success, stdout } = await new Deno.Command(busybox, {
    args: ["--list-full"],
    stdin: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Failure(`Cannot build the busybox root: ${busybox} --list-full failed`);
  for (const path of new TextDecoder().decode(stdout).split("\n")) {
    if (path === "" || path === "bin/busybox") continue;
    await Deno.mkdir(join(root, dirname(path)), { recursive: true });
    await Deno.symlink("/bin/busybox", join(root, path));
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
