/**
 * Files of records: small, and mostly in memory. They are read and written at once: nothing waits for a disk, and in the
 * background each takes several times as long.
 */

/** The text of a file. Rejects with {@linkcode Deno.errors.NotFound} when there is none. */
export function readSmallFile(path: string): Promise<string> {
  return new Promise((resolve) => resolve(Deno.readTextFileSync(path)));
}

/** Names of what is in a directory, in order; none when there is none. */
export function namesIn(
  path: string,
  kind: "isDirectory" | "isFile" = "isDirectory",
): Promise<string[]> {
  return new Promise((resolve) => {
    const names: string[] = [];
    try {
      for (const entry of Deno.readDirSync(path)) if (entry[kind]) names.push(entry.name);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    resolve(names.sort());
  });
}

/**
 * Writes beside and renames: a reader, or the next command after a crash, sees the old text or the new one. For its
 * owner alone.
 */
export function replaceFile(path: string, text: string): Promise<void> {
  return new Promise((resolve) => {
    const beside = `${path}.${Deno.pid}`;
    Deno.writeTextFileSync(beside, text, { mode: 0o600 });
    Deno.renameSync(beside, path);
    resolve();
  });
}

/** Removes a file, or a socket; one that is not there is fine. */
export function removeFile(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Removes a directory and what is in it: records and what is beside them. One that is not there is fine. */
export function removeTree(path: string): Promise<void> {
  return new Promise((resolve) => {
    try {
      Deno.removeSync(path, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    resolve();
  });
}
