import type { GuestMount } from "../hyperstart/mod.ts";

/**
 * Engines make /dev/shm on the host, one for all containers of a pod. Memory cannot be shared with a VM by way of files:
 * it is made in the guest, of the same size, and shared there by those that name the same place.
 *
 * @param path of the host's
 * @returns nothing when there is no file system in memory at that place
 */
export async function sharedMemoryOf(
  path: string,
): Promise<Pick<GuestMount, "sharedAs" | "options"> | undefined> {
  const mounts = (await Deno.readTextFile("/proc/self/mountinfo")).split("\n");
  // proc(5): the fifth field is the mount point; behind a dash come type, source and options of the file system.
  const line = mounts.findLast((each) => each.split(" ")[4] === encodePath(path));
  const [type, , options = ""] = line?.split(" - ")[1]?.split(" ") ?? [];
  if (type !== "tmpfs") return undefined;
  const size = options.split(",").find((each) => each.startsWith("size="));
  return { sharedAs: path, options: ["mode=1777", ...(size === undefined ? [] : [size])] };
}

/** As mountinfo has it: blanks and backslashes in octal. */
function encodePath(path: string): string {
  return path.replace(
    /[ \t\n\\]/g,
    (each) => `\\${each.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}
