/** Machine code as a shared library: the runtime calls functions of one with far less work than bare addresses. */

const EM_X86_64 = 62, ET_DYN = 3;
/** Bytes of a file header, a program header, a symbol, an entry of the dynamic section (elf(5)). */
const FILE_HEADER = 64, PROGRAM_HEADER = 56, SYMBOL = 24, DYNAMIC = 16;
const PT_LOAD = 1, PT_DYNAMIC = 2, PT_GNU_STACK = 0x6474e551;
const READ = 4, WRITE = 2, EXECUTE = 1;
const DT_HASH = 4, DT_STRTAB = 5, DT_SYMTAB = 6, DT_STRSZ = 10, DT_SYMENT = 11;
/** STB_GLOBAL, STT_FUNC; any section but none. */
const GLOBAL_FUNCTION = 0x12, SOME_SECTION = 1;
const PAGE = 0x1000;

/**
 * A shared library (elf(5)): a page with the code and what names its functions, and one that the loader writes to.
 *
 * @param functions their names, and where they are in the code
 */
export function sharedObject(
  code: Uint8Array,
  functions: Readonly<Record<string, number>>,
): Uint8Array<ArrayBuffer> {
  const names = Object.keys(functions);
  const strings = new TextEncoder().encode(`\0${names.map((name) => `${name}\0`).join("")}`);
  const symbolsAt = FILE_HEADER + 4 * PROGRAM_HEADER;
  const stringsAt = symbolsAt + (names.length + 1) * SYMBOL;
  const hashAt = Math.ceil((stringsAt + strings.length) / 8) * 8;
  const hashWords = [
    1,
    names.length + 1,
    1,
    0,
    ...names.map((_, at) => (at + 2) % (names.length + 1)),
  ];
  const codeAt = hashAt + Math.ceil(hashWords.length / 2) * 8;
  const dynamic = [
    [DT_HASH, hashAt],
    [DT_STRTAB, stringsAt],
    [DT_SYMTAB, symbolsAt],
    [DT_STRSZ, strings.length],
    [DT_SYMENT, SYMBOL],
    [0, 0],
  ] as const;
  const file = new Uint8Array(PAGE + dynamic.length * DYNAMIC);
  const view = new DataView(file.buffer);
  const word = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET_DYN, true);
  view.setUint16(18, EM_X86_64, true);
  view.setUint32(20, 1, true);
  word(32, FILE_HEADER);
  view.setUint16(52, FILE_HEADER, true);
  view.setUint16(54, PROGRAM_HEADER, true);
  view.setUint16(56, 4, true);
  const end = codeAt + code.length;
  const segments = [
    [PT_LOAD, READ | EXECUTE, 0, end],
    [PT_LOAD, READ | WRITE, PAGE, dynamic.length * DYNAMIC],
    [PT_DYNAMIC, READ | WRITE, PAGE, dynamic.length * DYNAMIC],
    [PT_GNU_STACK, READ | WRITE, 0, 0],
  ] as const;
  segments.forEach(([type, flags, offset, size], index) => {
    const at = FILE_HEADER + index * PROGRAM_HEADER;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, flags, true);
    for (const each of [8, 16, 24]) word(at + each, offset);
    for (const each of [32, 40]) word(at + each, size);
    word(at + 48, PAGE);
  });
  let nameAt = 1;
  names.forEach((name, index) => {
    const at = symbolsAt + (index + 1) * SYMBOL;
    view.setUint32(at, nameAt, true);
    view.setUint8(at + 4, GLOBAL_FUNCTION);
    view.setUint16(at + 6, SOME_SECTION, true);
    word(at + 8, codeAt + functions[name]!);
    nameAt += name.length + 1;
  });
  file.set(strings, stringsAt);
  hashWords.forEach((each, index) => view.setUint32(hashAt + index * 4, each, true));
  file.set(code, codeAt);
  dynamic.forEach(([tag, value], index) => {
    word(PAGE + index * DYNAMIC, tag);
    word(PAGE + index * DYNAMIC + 8, value);
  });
  return file;
}
