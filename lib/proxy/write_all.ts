/** Writes every byte, in as many calls as it takes. */
export async function writeAll(
  to: { write(bytes: Uint8Array): Promise<number> },
  bytes: Uint8Array,
): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await to.write(written === 0 ? bytes : bytes.subarray(written));
  }
}
