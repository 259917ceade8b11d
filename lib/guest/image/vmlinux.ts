import { Failure } from "../../failure.ts";
import { indexOfBytes } from "./bytes.ts";
import { isElf, isWholeElf } from "./elf.ts";

/** A way in which kernels are compressed (scripts/Makefile.lib of the kernel). */
interface Compression {
  name: string;
  magic: readonly number[];
  unpack(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** Debian package that has the program. */
  package?: string;
}

const COMPRESSIONS: readonly Compression[] = [
  { name: "gzip", magic: [0x1f, 0x8b, 0x08], unpack: gunzip },
  tool("xz", "xz-utils", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00], "xz", "-dc", "--single-stream"),
  tool("zstd", "zstd", [0x28, 0xb5, 0x2f, 0xfd], "zstd", "-dcq"),
  tool("lz4", "lz4", [0x02, 0x21, 0x4c, 0x18], "lz4", "-dcq"),
  tool("lzo", "lzop", [0x89, 0x4c, 0x5a, 0x4f, 0x00, 0x0d, 0x0a, 0x1a, 0x0a], "lzop", "-dc"),
  tool("bzip2", "bzip2", [0x42, 0x5a, 0x68], "bzip2", "-dc"),
  tool("lzma", "xz-utils", [0x5d, 0x00, 0x00, 0x00], "xz", "-dc", "--format=lzma"),
];

/** Offsets in a bzImage (Documentation/x86/boot.rst). */
const SETUP_SECTORS_AT = 0x1f1,
  MAGIC_AT = 0x202,
  PAYLOAD_OFFSET_AT = 0x248,
  PAYLOAD_LENGTH_AT = 0x24c;
const BZIMAGE_MAGIC = 0x53726448;

/**
 * The ELF file inside a kernel image, which boots through its PVH entry without unpacking itself first. A file that is
 * an ELF file already is returned as it is.
 *
 * @param path of the image, for messages
 * @throws {Failure} when no kernel is found in it, or the program that unpacks its compression is missing
 */
export async function extractVmlinux(
  image: Uint8Array<ArrayBuffer>,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  if (isElf(image)) return image;
  let missing: { compression: Compression; cause: unknown } | undefined;
  for (const { compression, data } of candidates(image)) {
    try {
      const kernel = await compression.unpack(data);
      if (isWholeElf(kernel)) return kernel;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) missing ??= { compression, cause: error };
      // Anything else: the bytes only looked like this compression's magic.
    }
  }
  if (missing) {
    const { compression, cause } = missing;
    throw new Failure(
      `Cannot unpack the kernel ${path}: it seems to be packed with ${compression.name}, and ` +
        `the program for that is not installed`,
      { hint: `Install it: apt-get install ${compression.package}`, cause },
    );
  }
  throw new Failure(`Cannot unpack the kernel ${path}: no compressed kernel found in it`, {
    hint: "Name a vmlinux or vmlinuz file with --kernel",
  });
}

/** Where a compressed kernel may begin: where the header says, else wherever a magic number is. */
function* candidates(
  image: Uint8Array<ArrayBuffer>,
): Generator<{ compression: Compression; data: Uint8Array<ArrayBuffer> }> {
  const payload = bzImagePayload(image);
  if (payload) {
    for (const compression of COMPRESSIONS) {
      if (indexOfBytes(payload.subarray(0, 16), Uint8Array.from(compression.magic)) !== 0) continue;
      // All but gzip have the kernel's unpacked size behind them, four bytes.
      yield { compression, data: payload.subarray(0, payload.length - 4) };
      yield { compression, data: payload };
    }
  }
  for (const compression of COMPRESSIONS) {
    const magic = Uint8Array.from(compression.magic);
    for (let at = indexOfBytes(image, magic); at >= 0; at = indexOfBytes(image, magic, at + 1)) {
      yield { compression, data: image.subarray(at) };
    }
  }
}

function bzImagePayload(image: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> | undefined {
  if (image.length < PAYLOAD_LENGTH_AT + 4) return undefined;
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  if (view.getUint32(MAGIC_AT, true) !== BZIMAGE_MAGIC) return undefined;
  const setup = (view.getUint8(SETUP_SECTORS_AT) || 4) + 1;
  const start = setup * 512 + view.getUint32(PAYLOAD_OFFSET_AT, true);
  const end = start + view.getUint32(PAYLOAD_LENGTH_AT, true);
  return end <= image.length && end - start > 16 ? image.subarray(start, end) : undefined;
}

/** As a raw stream, because there a reader does not mind what follows the end. RFC 1952, section 2.3. */
async function gunzip(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const { inflateRawSync } = await import("node:zlib");
  const FHCRC = 2, FEXTRA = 4, FNAME = 8, FCOMMENT = 16;
  const flags = data[3]!;
  let at = 10;
  if (flags & FEXTRA) at += 2 + data[at]! + data[at + 1]! * 256;
  if (flags & FNAME) at = data.indexOf(0, at) + 1;
  if (flags & FCOMMENT) at = data.indexOf(0, at) + 1;
  if (flags & FHCRC) at += 2;
  return new Uint8Array(inflateRawSync(data.subarray(at)));
}

function tool(
  name: string,
  debianPackage: string,
  magic: readonly number[],
  program: string,
  ...args: string[]
): Compression {
  return {
    name,
    magic,
    package: debianPackage,
    unpack: (data) => runFilter(program, args, data),
  };
}

/**
 * Feeds `input` to a program and returns what it writes, whatever its exit status: data behind the end of the input
 * makes some of them complain.
 *
 * @throws {Deno.errors.NotFound} when the program is not installed
 */
export async function runFilter(
  program: string,
  args: readonly string[],
  input: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const fed = new Blob([input]).stream().pipeTo(child.stdin).catch(() => undefined);
  const output = new Uint8Array(await new Response(child.stdout).arrayBuffer());
  await fed;
  await child.status;
  return output;
}
