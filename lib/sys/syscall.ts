/**
 * System calls. This is the only module that opens libc, and only for the file that holds `machine.ts`.
 *
 * Safe because every address handed to the kernel is that of a typed array which is kept reachable until the call has
 * returned: it is an argument of the synchronous call under way, and a blocking call holds its own.
 */
import { SysError } from "./error.ts";
import { EINTR } from "./errno.ts";
import { machineCode } from "./machine.ts";
import { sharedObject } from "./shared_object.ts";

/** A number, an address, or memory that the kernel reads or fills. */
export type SysArg = number | bigint | Uint8Array;

const NUMBER = "f64", MEMORY = "buffer";
/**
 * For a function without a structure the runtime compiles a stub, which takes longer than all these calls. This one is
 * behind all that the function looks at.
 */
const NO_STUB = { struct: ["u8"] } as const;
const NOTHING = new Uint8Array(1);
/** See `raw` in `machine.ts`. */
const RAW = {
  parameters: [
    ...[NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER, NUMBER] as const,
    ...[MEMORY, MEMORY, MEMORY, MEMORY, MEMORY, MEMORY, NO_STUB] as const,
  ],
  result: NUMBER,
} as const;
const RUN = { parameters: [NUMBER, MEMORY, MEMORY, NO_STUB], result: NUMBER } as const;
const LIBRARY = {
  raw: RAW,
  blocking: { ...RAW, name: "raw", nonblocking: true },
  run: RUN,
} as const;

const MFD_CLOEXEC = 1;

type Entries = Deno.DynamicLibrary<typeof LIBRARY>["symbols"];
type Memory = Uint8Array<ArrayBuffer> | null;

let entries: Entries | undefined;

/**
 * Makes a system call and returns the kernel's result, -errno for an error.
 *
 * @param number of the call on this architecture: see `numbers.ts`
 */
export function rawSyscall(
  number: number,
  a: SysArg = 0,
  b: SysArg = 0,
  c: SysArg = 0,
  d: SysArg = 0,
  e: SysArg = 0,
  f: SysArg = 0,
): number {
  return load().raw(
    number,
    value(a),
    value(b),
    value(c),
    value(d),
    value(e),
    value(f),
    memory(a),
    memory(b),
    memory(c),
    memory(d),
    memory(e),
    memory(f),
    NOTHING,
  );
}

/**
 * Makes a system call that must succeed; interrupted calls are made again.
 *
 * @param call name for the error, such as `mount`
 * @param operand what it is called on, for the error
 * @throws {SysError} when the kernel refuses
 */
export function syscall(
  call: string,
  operand: string,
  number: number,
  a: SysArg = 0,
  b: SysArg = 0,
  c: SysArg = 0,
  d: SysArg = 0,
  e: SysArg = 0,
  f: SysArg = 0,
): number {
  for (;;) {
    const result = rawSyscall(number, a, b, c, d, e, f);
    if (result >= 0) return result;
    if (result !== -EINTR) throw new SysError(call, operand, -result);
  }
}

/**
 * Makes a system call on another thread, where it may block. Only for calls that do not depend on the calling thread.
 *
 * @throws {SysError} when the kernel refuses
 */
export async function blockingSyscall(
  call: string,
  operand: string,
  number: number,
  ...args: SysArg[]
): Promise<number> {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
  held.add(args);
  try {
    for (;;) {
      const result = await load().blocking(
        ...[number, value(a), value(b), value(c), value(d), value(e), value(f)] as const,
        ...[memory(a), memory(b), memory(c), memory(d), memory(e), memory(f), NOTHING] as const,
      );
      if (result >= 0) return result;
      if (result !== -EINTR) throw new SysError(call, operand, -result);
    }
  } finally {
    held.delete(args);
  }
}

/** Whether calls are under way on other threads. */
export function callsUnderWay(): boolean {
  return held.size > 0;
}

/** Arguments of blocking calls under way: the kernel may fill this memory at any time until they return. */
const held = new Set<readonly SysArg[]>();

/**
 * Runs operations in a child that shares this process's memory and stops the calling thread until it has called
 * `execve` or exited: `program.ts` writes them.
 *
 * @returns pid of the child, or -errno
 */
export function runInChild(operations: Uint8Array, cloneFlags: number, state: Uint8Array): number {
  return load().run(cloneFlags, operations as Memory, state as Memory, NOTHING);
}

/** Where a typed array lies in memory. The array must be kept reachable while the address is in use. */
export function addressOf(memory: Uint8Array): bigint {
  // An empty array has no memory of its own.
  if (memory.byteLength === 0) return 0n;
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory as Uint8Array<ArrayBuffer>)));
}

function value(arg: SysArg): number {
  return typeof arg === "number" ? arg : typeof arg === "bigint" ? Number(arg) : 0;
}

/** An empty array has no memory of its own. */
function memory(arg: SysArg): Memory {
  return typeof arg === "object" && arg.byteLength > 0 ? arg as Memory : null;
}

function load(): Entries {
  entries ??= open();
  return entries;
}

/** The library is in a file without a name, since only files can be loaded. */
function open(): Entries {
  const { bytes, raw, run } = machineCode();
  const file = sharedObject(bytes, { raw, run });
  // As pointers: the runtime would compile a stub for each function, which takes longer than all these calls.
  const libc = Deno.dlopen(
    "libc.so.6",
    {
      memfd_create: { type: "pointer" },
      write: { type: "pointer" },
      close: { type: "pointer" },
    } as const satisfies Deno.ForeignLibraryInterface,
  ).symbols;
  // int memfd_create(const char *name, unsigned int flags);
  const create = new Deno.UnsafeFnPointer(Deno.UnsafePointer.offset(libc.memfd_create!, 0)!, {
    parameters: ["buffer", "u32"],
    result: "i32",
  });
  // ssize_t write(int fd, const void *buf, size_t count);
  const write = new Deno.UnsafeFnPointer(Deno.UnsafePointer.offset(libc.write!, 0)!, {
    parameters: ["i32", "buffer", "usize"],
    result: "isize",
  });
  // int close(int fd);
  const close = new Deno.UnsafeFnPointer(Deno.UnsafePointer.offset(libc.close!, 0)!, {
    parameters: ["i32"],
    result: "i32",
  });
  const fd = create.call(Uint8Array.of(0), MFD_CLOEXEC);
  try {
    const written = Number(write.call(fd, file, BigInt(file.length)));
    if (written !== file.length) throw new Error("the kernel gives no memory for them");
    return Deno.dlopen(`/proc/self/fd/${fd}`, LIBRARY).symbols;
  } catch (cause) {
    throw new Error("Cannot make system calls", { cause });
  } finally {
    close.call(fd);
  }
}
