/** Both as one view, where the second lies right behind the first in the same memory. */
export function joinViews(first: Uint8Array, second: Uint8Array): Uint8Array | undefined {
  const end = first.byteOffset + first.length;
  if (first.buffer !== second.buffer || end !== second.byteOffset) return undefined;
  return new Uint8Array(
    first.buffer as ArrayBuffer,
    first.byteOffset,
    first.length + second.length,
  );
}
