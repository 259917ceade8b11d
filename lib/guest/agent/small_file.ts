import {
  type Fd,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  open,
  openInRoot,
  readSome,
} from "../../sys/mod.ts";

/** More than any account file of a container needs. */
const LONGEST = 1 << 20;

/**
 * The text of a file in a container's tree; empty when it is not there or no regular file. The tree is not trusted:
 * links stay within it, devices and FIFOs are not opened, and what exceeds a megabyte is not read.
 *
 * @param root directory that is the tree's root
 */
export function readInTree(root: number, path: string): string {
  using found = tryOpenInTree(root, path);
  return found ? readOpened(found.number) : "";
}

/** A descriptor (O_PATH) of what is at `path` in a container's tree, or nothing when there is nothing. */
export function tryOpenInTree(root: number, path: string): Fd | undefined {
  try {
    return openInRoot(root, path, O_PATH);
  } catch {
    return undefined;
  }
}

/** Whether a descriptor, O_PATH or not, stands for a directory. */
export function isDirectory(fd: Fd): boolean {
  return Deno.statSync(procPath(fd.number)).isDirectory;
}

/** The text of the regular file that an O_PATH descriptor stands for; empty for anything else. */
export function readOpened(found: number): string {
  if (!Deno.statSync(procPath(found)).isFile) return "";
  using file = open(procPath(found), O_RDONLY | O_NONBLOCK);
  const chunk = new Uint8Array(65536);
  const decoder = new TextDecoder();
  let text = "";
  while (text.length < LONGEST) {
    const count = readSome(file.number, chunk);
    if (count <= 0) break;
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
  }
  return text;
}

function procPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}
