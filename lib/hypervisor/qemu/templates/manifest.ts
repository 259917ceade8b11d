import type { TemplateDetails } from "../../hypervisor.ts";
import { isUnchanged, type SavedFile } from "./saved_file.ts";

/** A template as it stands on disk (`template.json`). */
export interface TemplateManifest extends TemplateDetails {
  version: 1;
  /** When it was made: RFC 3339, UTC. */
  created: string;
  /** The VM's memory, and the state of its devices. */
  ram: SavedFile;
  state: SavedFile;
}

/** A manifest as text: a line of JSON, and its hash. */
export async function writeManifest(manifest: TemplateManifest): Promise<string> {
  const line = JSON.stringify(manifest);
  return `${line}\n${await hashOf(line)}\n`;
}

/** Reads what {@linkcode writeManifest} wrote. @returns nothing for any other text, such as a damaged one */
export async function readManifest(text: string): Promise<TemplateManifest | undefined> {
  const [line = "", hash] = text.split("\n");
  if (hash === undefined || hash !== await hashOf(line)) return undefined;
  const manifest = JSON.parse(line) as { version: number };
  return manifest.version === 1 ? manifest as TemplateManifest : undefined;
}

/** Whether the files are those that the template was made with. */
export function isWhole({ ram, state }: TemplateManifest, open: { ram: string; state: string }) {
  return isUnchanged(ram, open.ram) && isUnchanged(state, open.state);
}

/** SHA-256 in hex. */
export async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
