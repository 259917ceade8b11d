import { STATIC_BASE, STATIC_HEADERS, writeStaticHeaders } from "../../sys/mod.ts";
import { roundUp } from "./bytes.ts";
import { STAGE1_ARCHITECTURES, type Stage1Architecture } from "./stage1_code.ts";

/** What the first program in the VM does before it becomes the agent. */
export interface Stage1Options {
  /** Kernel modules, in load order. */
  modules: readonly { name: string; data: Uint8Array }[];
  /** Device that holds the root file system, such as `/dev/vda`. */
  rootDevice: string;
  /** Program, with its arguments, inside the root file system. */
  command: readonly string[];
  env: Readonly<Record<string, string>>;
  /** Architecture as Deno names it. Default: this host's. */
  arch?: string;
}

type Argument = number | string | Uint8Array | readonly string[];

interface Operation {
  what: string;
  call: keyof Stage1Architecture["calls"];
  args: readonly Argument[];
}

const MS_RDONLY = 1, MS_NOSUID = 2, MS_NODEV = 4, MS_NOEXEC = 8, MS_MOVE = 0x2000;
/** System call number, six arguments, address and length of the text for a failure. */
const WORDS_PER_OPERATION = 9;

/**
 * Makes the VM's first program: one static ELF file that loads the modules it carries, mounts the root file system
 * with the kernel's own file systems in it, moves into it and executes the agent. No shell and no other program is
 * started on the way: under emulation each would cost several milliseconds. A step that fails is named on the console,
 * and the kernel panics as init ends.
 *
 * @throws {Error} on an architecture without a listing
 */
export function buildStage1(options: Stage1Options): Uint8Array {
  const architecture = STAGE1_ARCHITECTURES[options.arch ?? Deno.build.arch];
  if (!architecture) throw new Error(`Cannot build a guest for ${options.arch ?? Deno.build.arch}`);
  return link(architecture, steps(options));
}

function steps({ modules, rootDevice, command, env }: Stage1Options): Operation[] {
  const kernelOnly = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  const mount = (type: string, target: string, flags: number, data = ""): Operation => ({
    what: `mount ${type} on ${target}`,
    call: "mount",
    args: [type, target, type, flags, data],
  });
  return [
    ...modules.map(({ name, data }): Operation => ({
      what: `load module ${name}`,
      call: "init_module",
      args: [data, data.length, ""],
    })),
    mount("devtmpfs", "/dev", MS_NOSUID, "mode=755"),
    {
      what: `mount ${rootDevice}`,
      call: "mount",
      args: [rootDevice, "/root", "erofs", MS_RDONLY, ""],
    },
    { what: "move /dev", call: "mount", args: ["/dev", "/root/dev", "", MS_MOVE, ""] },
    mount("proc", "/root/proc", kernelOnly),
    mount("sysfs", "/root/sys", kernelOnly),
    mount("tmpfs", "/root/run", MS_NOSUID | MS_NODEV, "mode=755"),
    mount("tmpfs", "/root/tmp", MS_NOSUID | MS_NODEV, "mode=1777"),
    { what: "enter the root file system", call: "chdir", args: ["/root"] },
    { what: "move the root file system", call: "mount", args: [".", "/", "", MS_MOVE, ""] },
    { what: "change the root", call: "chroot", args: ["."] },
    { what: "enter the new root", call: "chdir", args: ["/"] },
    {
      what: `execute ${command[0]}`,
      call: "execve",
      args: [command[0]!, command, Object.entries(env).map(([name, value]) => `${name}=${value}`)],
    },
  ];
}

/** Lays out headers, code, operations and their data in one segment, loaded as it is in the file. */
function link({ machine, code, calls }: Stage1Architecture, operations: Operation[]): Uint8Array {
  const tableAt = roundUp(STATIC_HEADERS + code.length, 8);
  const data = new DataSection(tableAt + operations.length * WORDS_PER_OPERATION * 8 + 8);
  const words = operations.flatMap(({ what, call, args }) => {
    const text = new TextEncoder().encode(`podvisor: cannot ${what}\n`);
    const values = args.map((arg) => data.place(arg));
    const padding = new Array(6 - values.length).fill(0n);
    return [BigInt(calls[call]), ...values, ...padding, data.place(text), BigInt(text.length)];
  });
  const file = new Uint8Array(data.end);
  const view = new DataView(file.buffer);
  writeStaticHeaders(file, machine);
  file.set(code, STATIC_HEADERS);
  [...words, -1n].forEach((word, index) => view.setBigInt64(tableAt + index * 8, word, true));
  for (const { at, bytes } of data.parts) file.set(bytes, at);
  return file;
}

/** The bytes that operations point to, with their addresses. */
class DataSection {
  readonly parts: { at: number; bytes: Uint8Array }[] = [];
  end: number;

  constructor(start: number) {
    this.end = start;
  }

  /** A number as it is; anything else by the address at which it is put. */
  place(value: Argument): bigint {
    if (typeof value === "number") return BigInt(value);
    if (typeof value === "string") return this.#put(new TextEncoder().encode(`${value}\0`));
    if (value instanceof Uint8Array) return this.#put(value);
    const pointers = new BigInt64Array([...value.map((each) => this.place(each)), 0n]);
    return this.#put(new Uint8Array(pointers.buffer));
  }

  #put(bytes: Uint8Array): bigint {
    const at = roundUp(this.end, 16);
    this.parts.push({ at, bytes });
    this.end = at + bytes.length;
    return BigInt(STATIC_BASE + at);
  }
}
