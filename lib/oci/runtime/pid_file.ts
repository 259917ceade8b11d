import { basename, dirname, join } from "@std/path";

/** Writes a pid file: who waits for it never finds half of it. */
export async function writePidFile(path: string, pid: number): Promise<void> {
  const beside = join(dirname(path), `.${basename(path)}`);
  await Deno.writeTextFile(beside, String(pid));
  await Deno.rename(beside, path);
}
