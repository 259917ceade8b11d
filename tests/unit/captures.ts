import { fromFileUrl } from "@std/path";

/** Recorded streams of the original programs: a folder beside the repository's, which need not be there. */
const FOLDER = fromFileUrl(new URL("../../../shared/captures/", import.meta.url));

export interface Capture {
  name: string;
  bytes: Uint8Array;
}

/** The recorded streams whose file names match, read at once; none where the folder is missing. */
export function captures(pattern: RegExp): Capture[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(FOLDER)].map((entry) => entry.name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return names.filter((name) => pattern.test(name))
    .map((name) => ({ name, bytes: Deno.readFileSync(FOLDER + name) }));
}
