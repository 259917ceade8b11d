/**
 * A file of a template as it was when the template was finished. Whatever writes to a file changes its times: its
 * content, which would take longer to read than a start may take, is then taken not to be the same.
 */
export interface SavedFile {
  /** Bytes. */
  size: number;
  /** Milliseconds since 1970: of the last change of the content, and of anything. */
  modified: number;
  changed: number;
  inode: number;
}

/** What a file is now. @throws {Deno.errors.NotFound} */
export function describeFile(path: string): SavedFile {
  const { size, mtime, ctime, ino } = Deno.statSync(path);
  return {
    size,
    modified: mtime?.getTime() ?? 0,
    changed: ctime?.getTime() ?? 0,
    inode: ino ?? 0,
  };
}

/** Whether a file is as it was. @param path of it, or of a descriptor below /proc/self/fd */
export function isUnchanged(saved: SavedFile, path: string): boolean {
  const { size, modified, changed, inode } = describeFile(path);
  return size === saved.size && modified === saved.modified && changed === saved.changed &&
    inode === saved.inode;
}
