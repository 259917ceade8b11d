import {
  changeOwner,
  type Fd,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  open,
  openInRoot,
} from "../../sys/mod.ts";
import { tryOpenInTree } from "./small_file.ts";

/** Larger trees are none that somebody wants to have in memory. */
const MOST_ENTRIES = 20_000;

/**
 * Copies what a container's root has at a path into a file system that is to be mounted there: directories, files and
 * links, with their owners and permissions. Other kinds are left out.
 */
export function copyUp(root: Fd, path: string, to: Fd): void {
  using from = tryOpenInTree(root.number, path);
  if (!from || !isDirectoryAt(from)) return;
  copyDirectory(from, to, { left: MOST_ENTRIES });
}

function isDirectoryAt(fd: Fd): boolean {
  return Deno.statSync(procPath(fd)).isDirectory;
}

function copyDirectory(from: Fd, to: Fd, budget: { left: number }): void {
  const { mode, uid, gid } = Deno.statSync(procPath(from));
  for (const { name, isDirectory, isFile, isSymlink } of Deno.readDirSync(procPath(from))) {
    if (--budget.left < 0) throw new Error(`Cannot copy it all: more than ${MOST_ENTRIES} files`);
    if (isSymlink) {
      const at = `${procPath(to)}/${name}`;
      Deno.symlinkSync(Deno.readLinkSync(`${procPath(from)}/${name}`), at);
    } else if (isDirectory) {
      using source = openInRoot(from.number, name, O_PATH | O_DIRECTORY | O_NOFOLLOW);
      Deno.mkdirSync(`${procPath(to)}/${name}`);
      using target = open(`${procPath(to)}/${name}`, O_PATH | O_DIRECTORY);
      copyDirectory(source, target, budget);
    } else if (isFile) copyFile(from, to, name);
  }
  Deno.chownSync(procPath(to), uid ?? 0, gid ?? 0);
  Deno.chmodSync(procPath(to), (mode ?? 0o755) & 0o7777);
}

function copyFile(from: Fd, to: Fd, name: string): void {
  using source = openInRoot(from.number, name, O_RDONLY | O_NOFOLLOW);
  using target = openInRoot(to.number, name, O_WRONLY | O_CREAT | O_EXCL, 0o600);
  const { mode, uid, gid } = Deno.statSync(procPath(source));
  Deno.writeFileSync(procPath(target), Deno.readFileSync(procPath(source)));
  changeOwner(target.number, uid ?? 0, gid ?? 0);
  Deno.chmodSync(procPath(target), (mode ?? 0o644) & 0o7777);
}

function procPath({ number }: Fd): string {
  return `/proc/self/fd/${number}`;
}
