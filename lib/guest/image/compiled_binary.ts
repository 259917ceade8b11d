import type { PayloadPlace } from "./payload.ts";

/**
 * The end of a binary made by `deno compile` on Linux: u32 magic, u32 hash of a name, u64 length of what was appended
 * to the runtime, this trailer included (the libsui library, ELF files). The runtime finds its data by the trailer
 * alone, so that a payload fits in between; unlike a file that was included, it costs nothing when the program starts.
 */
const TRAILER_SIZE = 16;
const TRAILER_MAGIC = 0x501e;

/** Where the payload of a compiled binary would end; nothing when the binary's end is not as described. */
export function findPayloadPlace(path: string): PayloadPlace | undefined {
  using file = Deno.openSync(path);
  const { size } = file.statSync();
  if (size < TRAILER_SIZE) return undefined;
  const trailer = new Uint8Array(TRAILER_SIZE);
  file.seekSync(size - TRAILER_SIZE, Deno.SeekMode.Start);
  file.readSync(trailer);
  const appended = appendedLength(trailer, size);
  return appended === undefined ? undefined : { path, end: size - appended };
}

/**
 * Puts a payload between the runtime and what the compiler has appended to it.
 *
 * @returns nothing when the binary's end is not as described
 */
export async function insertPayload(path: string, payload: Uint8Array): Promise<boolean> {
  const place = findPayloadPlace(path);
  if (!place) return false;
  const binary = await Deno.readFile(path);
  using file = await Deno.open(path, { write: true, truncate: true });
  for (const part of [binary.subarray(0, place.end), payload, binary.subarray(place.end)]) {
    for (let at = 0; at < part.length;) at += await file.write(part.subarray(at));
  }
  return true;
}

function appendedLength(trailer: Uint8Array, size: number): number | undefined {
  const view = new DataView(trailer.buffer);
  if (view.getUint32(0, true) !== TRAILER_MAGIC) return undefined;
  const length = Number(view.getBigUint64(8, true));
  return length >= TRAILER_SIZE && length < size ? length : undefined;
}
