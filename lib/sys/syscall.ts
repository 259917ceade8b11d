/**
 * System calls. This is the only module that opens libc, and only for the memory that holds `machine.ts`.
 *
 * Safe because every address handed to the kernel is that of a typed array which is kept reachable until the call has
 * returned: `underWay` holds the arguments of the synchronous call under way, a blocking call holds its own.
 */
import { SysError } from "./error.ts";
import { EINTR } from "./errno.ts";
import { machineCode } from "./machine.ts";

/** A number, an address, or memory that the kernel reads or fills. */
export type SysArg = number | bigint | Uint8Array;

type Six = ["i64", "i64", "i64", "i64", "i64", "i64", "i64"];
const SIX: Six = ["i64", "i64", "i64", "i64", "i64", "i64", "i64"];

const PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_PRIVATE = 2, MAP_ANONYMOUS = 32;
const PAGE = 4096;

type Plain = Deno.UnsafeFnPointer<{ readonly parameters: Six; readonly result: "i64" }>;
type Blocking = Deno.UnsafeFnPointer<
  { readonly parameters: Six; readonly result: "i64"; readonly nonblocking: true }
>;
type Run = Deno.UnsafeFnPointer<
  { readonly parameters: ["i64", "i64", "i64"]; readonly result: "i64" }
>;

interface Entries {
  raw: Plain;
  blocking: Blocking;
  run: Run;
}

let entries: Entries | undefined;
/** Keeps the memory of the call under way reachable. */
const underWay: { args: readonly SysArg[] } = { args: [] };

/**
 * Makes a system call and returns the kernel's result, -errno for an error.
 *
 * @param number of the call on this architecture: see `numbers.ts`
 */
export function rawSyscall(number: number, ...args: SysArg[]): number {
  underWay.args = args;
  const { raw } = load();
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
  return Number(
    raw.call(
      BigInt(number),
      word(a),
      word(b),
      word(c),
      word(d),
      word(e),
      word(f),
    ),
  );
}

/**
 * Makes a system call that must succeed; interrupted calls are made again.
 *
 * @param call name for the error, such as `mount`
 * @param operand what it is called on, for the error
 * @throws {SysError} when the kernel refuses
 */
export function syscall(call: string, operand: string, number: number, ...args: SysArg[]): number {
  for (;;) {
    const result = rawSyscall(number, ...args);
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
      const result = Number(
        await load().blocking.call(
          BigInt(number),
          word(a),
          word(b),
          word(c),
          word(d),
          word(e),
          word(f),
        ),
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
  underWay.args = [operations, state];
  return Number(
    load().run.call(addressOf(operations), BigInt(cloneFlags), addressOf(state)),
  );
}

/** Where a typed array lies in memory. The array must be kept reachable while the address is in use. */
export function addressOf(memory: Uint8Array): bigint {
  // An empty array has no memory of its own.
  if (memory.byteLength === 0) return 0n;
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory as Uint8Array<ArrayBuffer>)));
}

function word(arg: SysArg): bigint {
  return typeof arg === "object" ? addressOf(arg) : BigInt(arg);
}

function load(): Entries {
  entries ??= open();
  return entries;
}

function open(): Entries {
  const code = machineCode();
  // As pointers: the runtime would compile a stub for each function, which takes longer than all these calls.
  const libc = Deno.dlopen(
    "libc.so.6",
    {
      mmap: { type: "pointer" },
      mprotect: { type: "pointer" },
      memcpy: { type: "pointer" },
    } as const satisfies Deno.ForeignLibraryInterface,
  ).symbols;
  // void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset);
  const mmap = new Deno.UnsafeFnPointer(Deno.UnsafePointer.offset(libc.mmap!, 0)!, {
    parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"],
    result: "pointer",
  });
  // int mprotect(void *addr, size_t len, int prot);
  const mprotect = new Deno.UnsafeFnPointer(Deno.UnsafePointer.offset(libc.mprotect!, 0)!, {
    parameters: ["pointer", "usize", "i32"],
    result: "i32",
  });
  // void *memcpy(void *dest, const void *src, size_t n);
  const memcpy = new Deno.UnsafeFnPointer(Deno.UnsafePointer.offset(libc.memcpy!, 0)!, {
    parameters: ["pointer", "buffer", "usize"],
    result: "pointer",
  });
  const page = mmap.call(
    null,
    BigInt(PAGE),
    PROT_READ | PROT_WRITE,
    MAP_PRIVATE | MAP_ANONYMOUS,
    -1,
    0n,
  );
  memcpy.call(page, code.bytes as Uint8Array<ArrayBuffer>, BigInt(code.bytes.length));
  if (mprotect.call(page, BigInt(PAGE), PROT_READ | PROT_EXEC) !== 0) {
    throw new Error("Cannot make system calls: the kernel refuses executable memory");
  }
  // The pointer's type parameter is what it points to; the code at `offset` is of the type that the caller names.
  const at = <T>(offset: number) =>
    Deno.UnsafePointer.offset(page!, offset)! as Deno.PointerObject<T>;
  return {
    raw: new Deno.UnsafeFnPointer(at(code.raw), { parameters: SIX, result: "i64" }),
    blocking: new Deno.UnsafeFnPointer(at(code.raw), {
      parameters: SIX,
      result: "i64",
      nonblocking: true,
    }),
    run: new Deno.UnsafeFnPointer(at(code.run), {
      parameters: ["i64", "i64", "i64"],
      result: "i64",
    }),
  };
}
