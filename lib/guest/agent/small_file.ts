import {
  cString,
  type Fd,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  open,
  openHow,
  openInRoot,
  rawSyscall,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  SYS,
} from "../../sys/mod.ts";
import { readToEnd } from "./guest_files.ts";

/** More than any account file of a container needs. */
const LONGEST = 1 << 20;

/**
 * The text of a file in a container's tree; empty when it is not there. The tree is not trusted: links stay within it,
 * nothing in it makes this wait or become a terminal's owner, and what exceeds a megabyte is not read.
 *
 * @param root directory that is the tree's root
 */
export function readInTree(root: number, path: string): string {
  try {
    using file = openInRoot(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    return readToEnd(file.number, LONGEST);
  } catch {
    return "";
  }
}

/** A descriptor (O_PATH) of what is at `path` in a container's tree, or nothing when there is nothing. */
export function tryOpenInTree(root: number, path: string): Fd | undefined {
  try {
    return openInRoot(root, path, O_PATH);
  } catch {
    return undefined;
  }
}

/** Whether there is something at `path` in a container's tree. */
export function isInTree(root: number, path: string): boolean {
  const how = openHow(O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  // Without an error, which would take long to make.
  const found = rawSyscall(SYS.openat2, root, cString(path), how, how.byteLength);
  if (found < 0) return false;
  rawSyscall(SYS.close, found);
  return true;
}

/** The text of the file that an O_PATH descriptor stands for; empty when it cannot be read. */
export function readOpened(found: number): string {
  using file = open(procPath(found), O_RDONLY | O_NONBLOCK | O_NOCTTY);
  return readToEnd(file.number, LONGEST);
}

function procPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}
