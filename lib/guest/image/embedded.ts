import { basename, fromFileUrl, join } from "@std/path";
import { sha256 } from "./inputs.ts";

/** A guest that this binary carries. */
export interface EmbeddedGuest {
  /** Hash of what it was built from. */
  key: string;
  /**
   * Writes its files into a directory.
   *
   * @throws {Error} when one does not have the content that it was embedded with
   */
  unpack(directory: string): Promise<void>;
}

/** What describes an embedded guest: `manifest.json`, beside the files packed with gzip. */
interface EmbeddedManifest {
  key: string;
  files: { name: string; mode: number; sha256: string }[];
}

const MANIFEST = "manifest.json";

/** Where the guest is put to be included in the compiled binary, relative to this module: the same place in both. */
export function embeddedDirectory(): string {
  return fromFileUrl(new URL("../../../dist/guest", import.meta.url));
}

/** The guest that was compiled into this binary; nothing when it has none, or when run from source. */
export function embeddedGuest(): EmbeddedGuest | undefined {
  return Deno.build.standalone ? openEmbedded(embeddedDirectory()) : undefined;
}

/** The guest embedded in a directory; nothing when there is none. */
export function openEmbedded(directory: string): EmbeddedGuest | undefined {
  let text: string;
  try {
    text = Deno.readTextFileSync(join(directory, MANIFEST));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const manifest: EmbeddedManifest = JSON.parse(text);
  return {
    key: manifest.key,
    unpack: async (target) => {
      for (const { name, mode, sha256: expected } of manifest.files) {
        const data = await gunzipFile(join(directory, `${name}.gz`));
        if (await sha256(data) !== expected) {
          throw new Error(`Cannot unpack the guest: ${name} in this binary is damaged`);
        }
        await Deno.writeFile(join(target, name), data, { mode });
      }
    },
  };
}

/**
 * Packs the files of a guest into a directory, for {@linkcode openEmbedded}.
 *
 * @param paths of the files; each keeps its name and mode
 */
export async function packEmbedded(
  directory: string,
  key: string,
  paths: readonly string[],
): Promise<void> {
  await Deno.mkdir(directory, { recursive: true });
  const files: EmbeddedManifest["files"] = [];
  for (const path of paths) {
    const name = basename(path);
    const data = await Deno.readFile(path);
    const mode = ((await Deno.stat(path)).mode ?? 0o644) & 0o777;
    files.push({ name, mode, sha256: await sha256(data) });
    const packed = new Blob([data]).stream().pipeThrough(new CompressionStream("gzip"));
    await Deno.writeFile(join(directory, `${name}.gz`), packed);
  }
  await Deno.writeTextFile(join(directory, MANIFEST), JSON.stringify({ key, files }));
}

async function gunzipFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const packed = await Deno.readFile(path);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
