import { fromFileUrl } from "@std/path";
import { findPayloadPlace } from "./compiled_binary.ts";
import { type PayloadPlace, readManifest, unpackPayload } from "./payload.ts";

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

/**
 * The payload as a file to be included in the compiled binary, where it cannot be inserted: the same path relative to
 * this module in both.
 */
export function includedPayload(): string {
  return fromFileUrl(new URL("../../../dist/guest.payload", import.meta.url));
}

/** The guest that was compiled into this binary; nothing when it has none, or when run from source. */
export function embeddedGuest(): EmbeddedGuest | undefined {
  if (!Deno.build.standalone) return undefined;
  const inserted = findPayloadPlace(Deno.execPath());
  return (inserted && openGuest(inserted)) ?? openIncluded(includedPayload());
}

/** The guest at a place; nothing when there is none. */
export function openGuest(place: PayloadPlace): EmbeddedGuest | undefined {
  const found = readManifest(place);
  return found && {
    key: found.manifest.key,
    unpack: (directory) => unpackPayload(place, directory),
  };
}

function openIncluded(path: string): EmbeddedGuest | undefined {
  try {
    return openGuest({ path, end: Deno.statSync(path).size });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
