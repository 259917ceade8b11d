/** A file as it was when its content was hashed. */
export interface HashedFile {
  path: string;
  /** Bytes; -1 for a path that was not there. */
  size: number;
  /** Milliseconds since 1970. */
  mtime: number;
  inode: number;
  /** SHA-256 of the content, in hex; of the sorted names in a directory. */
  sha256: string;
}

const ABSENT = { size: -1, mtime: 0, inode: 0 };

/** Whether a file has the identity that it had when it was hashed: its content is then taken to be the same. */
export function isUnchanged(file: HashedFile): boolean {
  const now = identify(file.path);
  return now.size === file.size && now.mtime === file.mtime && now.inode === file.inode;
}

/**
 * Hashes files, without reading those that are unchanged since `known`.
 *
 * @param known what was hashed before
 */
export async function hashFiles(
  paths: Iterable<string>,
  known: readonly HashedFile[] = [],
): Promise<HashedFile[]> {
  const before = new Map(known.map((file) => [file.path, file]));
  const hashed: HashedFile[] = [];
  for (const path of new Set(paths)) {
    const old = before.get(path);
    if (old && isUnchanged(old)) {
      hashed.push(old);
      continue;
    }
    // Identity first: a change while the content is being read then shows at the next comparison.
    const identity = identify(path);
    hashed.push({
      path,
      ...identity,
      sha256: identity.size < 0 ? "" : await sha256(content(path)),
    });
  }
  return hashed;
}

/** SHA-256 in hex. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

function content(path: string): Uint8Array<ArrayBuffer> {
  if (!Deno.statSync(path).isDirectory) return Deno.readFileSync(path);
  const names = [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
  return new TextEncoder().encode(names.join("\n"));
}

function identify(path: string): Pick<HashedFile, "size" | "mtime" | "inode"> {
  try {
    const { size, mtime, ino } = Deno.statSync(path);
    return { size, mtime: mtime?.getTime() ?? 0, inode: ino ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return ABSENT;
    throw error;
  }
}
