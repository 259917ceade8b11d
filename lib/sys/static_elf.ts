/** Where a static program is loaded; page 0 may not be mapped. */
export const STATIC_BASE = 0x400000;
/** Bytes of the headers, behind which its code starts. */
export const STATIC_HEADERS = 64 + 56;

/**
 * Writes the headers of a static program that starts with its first byte behind them (elf(5)): the file header and one
 * program header, PT_LOAD, readable, writable and executable.
 *
 * @param file the whole program
 * @param machine EM_…
 */
export function writeStaticHeaders(file: Uint8Array, machine: number): void {
  const view = new DataView(file.buffer, file.byteOffset);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, machine, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(STATIC_BASE + STATIC_HEADERS), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setUint32(68, 7, true);
  view.setBigUint64(80, BigInt(STATIC_BASE), true);
  view.setBigUint64(88, BigInt(STATIC_BASE), true);
  view.setBigUint64(96, BigInt(file.length), true);
  view.setBigUint64(104, BigInt(file.length), true);
  view.setBigUint64(112, 0x1000n, true);
}
