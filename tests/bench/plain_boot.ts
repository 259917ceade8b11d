/** The reference for a cold start: QEMU that boots a kernel to an init which only says that it is there. */
import { join } from "@std/path";
import { packCpio } from "../../lib/guest/image/cpio.ts";
import { findArchitecture, kernelCommandLine } from "../../lib/hypervisor/qemu/architecture.ts";
import { findQemu } from "../../lib/hypervisor/mod.ts";
import { processorTime } from "./podvisor.ts";

const BASE = 0x400000;
const HEADERS_SIZE = 64 + 56;
const TEXT = "init is here\n";

/** Writes TEXT on stdout, then pauses for ever. x86_64; the text follows the code. */
const CODE = Uint8Array.from([
  ...[0xbf, 1, 0, 0, 0], // mov edi, 1
  ...[0x48, 0x8d, 0x35, 0x15, 0, 0, 0], // lea rsi, [rip+21]: the text
  ...[0xba, TEXT.length, 0, 0, 0], // mov edx, its length
  ...[0xb8, 1, 0, 0, 0], // mov eax, 1: write
  ...[0x0f, 0x05], // syscall
  ...[0xb8, 34, 0, 0, 0], // mov eax, 34: pause
  ...[0x0f, 0x05], // syscall
  ...[0xeb, 0xf7], // jmp to the pause
]);

/** How plain it is: with the machine and command line that pods get, or with QEMU's and the kernel's own defaults. */
export type PlainBootKind = "tuned" | "default";

/** Times of one boot, in milliseconds: on the clock, and of QEMU's processor use. */
export interface PlainBoot {
  wall: number;
  processor: number;
}

/** Writes the archive that {@linkcode bootPlainly} boots, and returns its path. */
export async function writeTrivialInitrd(directory: string): Promise<string> {
  const path = join(directory, "trivial.cpio");
  const archive = packCpio([
    { kind: "directory", path: "dev" },
    { kind: "character", path: "dev/console", major: 5, minor: 1 },
    { kind: "file", path: "init", mode: 0o755, data: trivialInit() },
  ]);
  await Deno.writeFile(path, archive);
  return path;
}

/** Boots to the init's first word, then kills QEMU. */
export async function bootPlainly(
  kernel: string,
  initrd: string,
  kind: PlainBootKind,
): Promise<PlainBoot> {
  const { machine, cpu } = findArchitecture(Deno.build.arch);
  const tuned = kind === "tuned";
  const start = performance.now();
  const qemu = new Deno.Command(findQemu(), {
    args: [
      ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
      ...["-machine", machine, "-accel", "tcg", "-m", "256M", "-serial", "stdio"],
      ...tuned ? ["-cpu", cpu.tcg] : [],
      ...["-kernel", kernel, "-initrd", initrd],
      ...["-append", tuned ? kernelCommandLine(Deno.build.arch, "tcg", 1) : "console=ttyS0 quiet"],
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    await readUntil(qemu.stdout, TEXT.trim());
    return { wall: performance.now() - start, processor: processorTime(qemu.pid) };
  } finally {
    qemu.kill("SIGKILL");
    await qemu.status;
  }
}

async function readUntil(stream: ReadableStream<Uint8Array>, words: string): Promise<void> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream() as TransformStream)) {
    text += piece;
    if (text.includes(words)) return;
  }
  throw new Error(`Cannot boot the reference: QEMU ended; its console: ${text}`);
}

/** A static ELF file of one segment (elf(5)). */
function trivialInit(): Uint8Array {
  const text = new TextEncoder().encode(TEXT);
  const file = new Uint8Array(HEADERS_SIZE + CODE.length + text.length);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(BASE + HEADERS_SIZE), true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(52, 64, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, 1, true);
  view.setUint32(64, 1, true);
  view.setUint32(68, 5, true);
  view.setBigUint64(80, BigInt(BASE), true);
  view.setBigUint64(88, BigInt(BASE), true);
  view.setBigUint64(96, BigInt(file.length), true);
  view.setBigUint64(104, BigInt(file.length), true);
  view.setBigUint64(112, 0x1000n, true);
  file.set(CODE, HEADERS_SIZE);
  file.set(text, HEADERS_SIZE + CODE.length);
  return file;
}
