import { join } from "@std/path";
import { readSmallFile, removeFile } from "../small_file.ts";
import type { ContainerExit } from "./records.ts";
import type { PodDirectory } from "./store.ts";

/** The file in which a container's shim leaves its exit status, before it ends itself. */
export function exitFile(directory: PodDirectory, container: string): string {
  return join(directory.container(container), "exit.json");
}

/** A container's exit status, if its shim has left one. */
export async function readExit(
  directory: PodDirectory,
  container: string,
): Promise<ContainerExit | undefined> {
  try {
    return JSON.parse(await readSmallFile(exitFile(directory, container)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Forgets how a container ended, before it starts again. */
export function clearExit(directory: PodDirectory, container: string): void {
  removeFile(exitFile(directory, container));
}
