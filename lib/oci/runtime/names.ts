import { Failure } from "../../failure.ts";

/** Longest id of a container: a directory is named after it. */
const MAX_ID = 255;
/** How much of an id people see in the name of its pod. */
const SHOWN = 12;

/**
 * Refuses an id that engines' other runtimes refuse too, or that could leave the directory that it becomes a part of.
 *
 * @throws {Failure}
 */
export function checkId(id: string): string {
  if (/^[\w+.-]+$/.test(id) && id !== "." && id !== ".." && id.length <= MAX_ID) return id;
  throw new Failure(`invalid container id ${JSON.stringify(id)}`, {
    hint: "Letters, digits and _ + - . are allowed",
  });
}

/**
 * The name under which a container, and the pod that is made for it, are kept. Engines use the same id in different
 * roots, and ids that are too long for a socket's address.
 *
 * @param root directory of the engine's records: `--root`
 */
export async function internalName(root: string, id: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${root}\0${id}`));
  const hash = new Uint8Array(digest).subarray(0, 6).toHex();
  return `oci-${id.slice(0, SHOWN).replace(/[^A-Za-z0-9_.+-]/g, "_")}-${hash}`;
}
