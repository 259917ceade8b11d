import { join } from "@std/path";

/** Whether a directory is an OCI bundle. */
export function isBundle(directory: string): boolean {
  try {
    return Deno.statSync(join(directory, "config.json")).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
