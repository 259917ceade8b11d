/** A segment of a made-up ELF file. */
export interface SampleSegment {
  type: number;
  address: number;
  data: Uint8Array;
}

/** A small 64-bit ELF file with the given segments, and a section table of `sections` empty entries behind them. */
export function sampleElf(
  segments: readonly SampleSegment[],
  sections = 1,
): Uint8Array<ArrayBuffer> {
  const headers = 64 + segments.length * 56;
  const dataSize = segments.reduce((sum, { data }) => sum + data.length, 0);
  const file = new Uint8Array(headers + dataSize + sections * 64);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setBigUint64(32, 64n, true);
  view.setBigUint64(40, BigInt(headers + dataSize), true);
  view.setUint16(54, 56, true);
  view.setUint16(56, segments.length, true);
  view.setUint16(58, 64, true);
  view.setUint16(60, sections, true);
  let offset = headers;
  segments.forEach(({ type, address, data }, index) => {
    const at = 64 + index * 56;
    view.setUint32(at, type, true);
    view.setBigUint64(at + 8, BigInt(offset), true);
    view.setBigUint64(at + 16, BigInt(address), true);
    view.setBigUint64(at + 32, BigInt(data.length), true);
    view.setBigUint64(at + 40, BigInt(data.length), true);
    file.set(data, offset);
    offset += data.length;
  });
  return file;
}
