/** A program header of a 64-bit little-endian ELF file (elf(5)). */
interface Segment {
  headerAt: number;
  type: number;
  offset: number;
  address: bigint;
  fileSize: number;
}

const PT_LOAD = 1, PT_DYNAMIC = 2, PT_INTERP = 3;
const DT_NEEDED = 1n, DT_STRTAB = 5n;
const HEADER_SIZE = 64;

/** Whether `bytes` begin like a 64-bit little-endian ELF file. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= HEADER_SIZE && bytes[0] === 0x7f && bytes[1] === 0x45 &&
    bytes[2] === 0x4c && bytes[3] === 0x46 && bytes[4] === 2 && bytes[5] === 1;
}

/** Whether every segment and the section table of an ELF file are there: a file cut short has lost some. */
export function isWholeElf(bytes: Uint8Array): boolean {
  if (!isElf(bytes)) return false;
  const view = viewOf(bytes);
  const sectionsEnd = Number(view.getBigUint64(40, true)) +
    view.getUint16(58, true) * view.getUint16(60, true);
  if (sectionsEnd > bytes.length) return false;
  return segments(bytes).every(({ offset, fileSize }) => offset + fileSize <= bytes.length);
}

/**
 * A kernel reduced to what is loaded: no sections, and no zeros at the end of the last segment (its .bss and .brk),
 * which QEMU would otherwise keep twice for each VM.
 *
 * @throws {TypeError} when it is no ELF file
 */
export function trimElf(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (!isElf(bytes)) throw new TypeError("Cannot trim the kernel: it is not an ELF file");
  const loaded = segments(bytes).filter((segment) => segment.type === PT_LOAD);
  const last = loaded.reduce((a, b) => (b.offset + b.fileSize > a.offset + a.fileSize ? b : a));
  let end = last.offset + last.fileSize;
  while (end > last.offset && bytes[end - 1] === 0) end--;
  const trimmed = bytes.slice(0, end);
  const view = viewOf(trimmed);
  view.setBigUint64(last.headerAt + 32, BigInt(end - last.offset), true);
  view.setBigUint64(40, 0n, true);
  view.setUint16(60, 0, true);
  view.setUint16(62, 0, true);
  return trimmed;
}

/** What a program wants from the dynamic linker: its interpreter's path and its libraries' names. */
export interface DynamicNeeds {
  interpreter: string | undefined;
  libraries: string[];
}

/** The dynamic linker and libraries that an ELF file names itself; none for a static one. */
export function dynamicNeeds(bytes: Uint8Array): DynamicNeeds {
  const all = segments(bytes);
  const interpreter = all.find((segment) => segment.type === PT_INTERP);
  const dynamic = all.find((segment) => segment.type === PT_DYNAMIC);
  const view = viewOf(bytes);
  const needed: number[] = [];
  let strings = -1;
  if (dynamic) {
    for (let at = dynamic.offset; at < dynamic.offset + dynamic.fileSize; at += 16) {
      const tag = view.getBigInt64(at, true);
      if (tag === DT_NEEDED) needed.push(Number(view.getBigUint64(at + 8, true)));
      if (tag === DT_STRTAB) strings = fileOffset(all, view.getBigUint64(at + 8, true));
    }
  }
  return {
    interpreter: interpreter && stringAt(bytes, interpreter.offset),
    libraries: strings < 0 ? [] : needed.map((offset) => stringAt(bytes, strings + offset)),
  };
}

function segments(bytes: Uint8Array): Segment[] {
  const view = viewOf(bytes);
  const start = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  return Array.from({ length: view.getUint16(56, true) }, (_, index) => {
    const at = start + index * size;
    return {
      headerAt: at,
      type: view.getUint32(at, true),
      offset: Number(view.getBigUint64(at + 8, true)),
      address: view.getBigUint64(at + 16, true),
      fileSize: Number(view.getBigUint64(at + 32, true)),
    };
  });
}

function fileOffset(all: readonly Segment[], address: bigint): number {
  const holder = all.find((each) =>
    each.type === PT_LOAD && address >= each.address &&
    address < each.address + BigInt(each.fileSize)
  );
  return holder ? holder.offset + Number(address - holder.address) : -1;
}

function stringAt(bytes: Uint8Array, at: number): string {
  return new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
