import { concat } from "./bytes.ts";

/** One member of an archive. Paths are relative and without a leading slash; parents come before children. */
export type CpioEntry =
  | { kind: "directory"; path: string; mode?: number }
  | { kind: "file"; path: string; mode?: number; data: Uint8Array }
  | { kind: "symlink"; path: string; target: string }
  | { kind: "character"; path: string; mode?: number; major: number; minor: number };

const TYPE_BITS = { directory: 0o040000, file: 0o100000, symlink: 0o120000, character: 0o020000 };
const DEFAULT_MODE = { directory: 0o755, file: 0o644, symlink: 0o777, character: 0o600 };

/**
 * Packs an archive in the "newc" format that the kernel unpacks as an initramfs (Documentation/driver-api/early-userspace/
 * buffer-format.rst): all owned by root, no times, so that equal input gives equal bytes.
 */
export function packCpio(entries: readonly CpioEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  let inode = 1;
  for (const entry of entries) {
    const data = entry.kind === "file"
      ? entry.data
      : new TextEncoder().encode(entry.kind === "symlink" ? entry.target : "");
    const mode = entry.kind === "symlink" ? undefined : entry.mode;
    append(parts, {
      inode: inode++,
      mode: TYPE_BITS[entry.kind] | (mode ?? DEFAULT_MODE[entry.kind]),
      links: entry.kind === "directory" ? 2 : 1,
      device: entry.kind === "character" ? [entry.major, entry.minor] : [0, 0],
      path: entry.path,
      data,
    });
  }
  append(parts, {
    inode: 0,
    mode: 0,
    links: 1,
    device: [0, 0],
    path: "TRAILER!!!",
    data: new Uint8Array(),
  });
  return concat(parts);
}

interface Member {
  inode: number;
  mode: number;
  links: number;
  device: [major: number, minor: number];
  path: string;
  data: Uint8Array;
}

function append(parts: Uint8Array[], { inode, mode, links, device, path, data }: Member): void {
  const name = new TextEncoder().encode(`${path}\0`);
  // magic; ino, mode, uid, gid, nlink, mtime, filesize, devmajor, devminor, rdevmajor, rdevminor, namesize, check.
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, ...device, name.length, 0];
  const header = "070701" + fields.map((value) => value.toString(16).padStart(8, "0")).join("");
  parts.push(new TextEncoder().encode(header), name, padding(header.length + name.length));
  parts.push(data, padding(data.length));
}

function padding(length: number): Uint8Array {
  return new Uint8Array((4 - length % 4) % 4);
}
