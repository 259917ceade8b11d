import { basename } from "@std/path";
import { concat } from "./bytes.ts";
import { sha256 } from "./inputs.ts";

/** A guest in one piece: its files, each packed with gzip, then what describes them, then a footer. */
export interface PayloadManifest {
  /** Hash of what the guest was built from. */
  key: string;
  files: PayloadFile[];
}

interface PayloadFile {
  name: string;
  mode: number;
  /** Of the content, unpacked. */
  sha256: string;
  /** Bytes from the payload's start. */
  offset: number;
  /** Bytes, packed. */
  length: number;
}

/** Where a payload is in a file. */
export interface PayloadPlace {
  path: string;
  /** Offset of the first byte behind it. */
  end: number;
}

/** The footer: this text, then the lengths of the manifest and of the whole payload (u32 and u64, little-endian). */
const MAGIC = new TextEncoder().encode("podvisor-guest-1");
const FOOTER_SIZE = MAGIC.length + 12;
const MANIFEST_LIMIT = 64 * 1024;

/**
 * Packs the files of a guest.
 *
 * @param paths of the files; each keeps its name and mode
 */
export async function packPayload(key: string, paths: readonly string[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const files: PayloadFile[] = [];
  let offset = 0;
  for (const path of paths) {
    const data = await Deno.readFile(path);
    const mode = ((await Deno.stat(path)).mode ?? 0o644) & 0o777;
    const packed = await transform(data, new CompressionStream("gzip"));
    files.push({
      name: basename(path),
      mode,
      sha256: await sha256(data),
      offset,
      length: packed.length,
    });
    parts.push(packed);
    offset += packed.length;
  }
  const manifest: PayloadManifest = { key, files };
  const text = new TextEncoder().encode(JSON.stringify(manifest));
  const footer = new Uint8Array(FOOTER_SIZE);
  footer.set(MAGIC);
  const view = new DataView(footer.buffer);
  view.setUint32(MAGIC.length, text.length, true);
  view.setBigUint64(MAGIC.length + 4, BigInt(offset + text.length + FOOTER_SIZE), true);
  return concat([...parts, text, footer]);
}

/** What a payload holds; nothing when there is none at that place. */
export function readManifest(
  { path, end }: PayloadPlace,
): { manifest: PayloadManifest; start: number } | undefined {
  using file = Deno.openSync(path);
  if (end < FOOTER_SIZE) return undefined;
  const footer = readAt(file, end - FOOTER_SIZE, FOOTER_SIZE);
  if (!MAGIC.every((byte, at) => footer[at] === byte)) return undefined;
  const view = new DataView(footer.buffer);
  const length = view.getUint32(MAGIC.length, true);
  const start = end - Number(view.getBigUint64(MAGIC.length + 4, true));
  if (start < 0 || length > MANIFEST_LIMIT) return undefined;
  const text = readAt(file, end - FOOTER_SIZE - length, length);
  return { manifest: JSON.parse(new TextDecoder().decode(text)), start };
}

/**
 * Writes the files of a payload into a directory.
 *
 * @throws {Error} when one does not have the content that it was packed with
 */
export async function unpackPayload(place: PayloadPlace, directory: string): Promise<void> {
  const found = readManifest(place);
  if (!found) throw new Error(`Cannot unpack the guest: ${place.path} has none`);
  using file = Deno.openSync(place.path);
  for (const { name, mode, sha256: expected, offset, length } of found.manifest.files) {
    const packed = readAt(file, found.start + offset, length);
    const data = await transform(packed, new DecompressionStream("gzip"));
    if (await sha256(data) !== expected) {
      throw new Error(`Cannot unpack the guest: ${name} in ${place.path} is damaged`);
    }
    await Deno.writeFile(`${directory}/${basename(name)}`, data, { mode });
  }
}

function readAt(file: Deno.FsFile, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let at = 0; at < length;) {
    const count = file.readSync(bytes.subarray(at));
    if (count === null) throw new Error("Cannot read the guest in this binary: it ends too early");
    at += count;
  }
  return bytes;
}

async function transform(
  data: Uint8Array<ArrayBuffer>,
  through: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([data]).stream().pipeThrough(through);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
