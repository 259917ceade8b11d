/** A guest that this binary carries. */
export interface EmbeddedGuest {
  key: string;
  unpack(directory: string): Promise<void>;
}

export function embeddedGuest(): EmbeddedGuest | undefined {
  return undefined;
}
