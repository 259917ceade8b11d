import { dirname, join } from "@std/path";
import { Failure } from "../../failure.ts";
import { indexOfBytes } from "./bytes.ts";
import { runFilter } from "./vmlinux.ts";

/**
 * The modules of one kernel: files by name, and what each needs. Names have `_` for `-`, as the kernel reports them.
 */
export interface ModuleIndex {
  /** Path relative to the modules' directory, of each module that is a file. */
  paths: ReadonlyMap<string, string>;
  /** Names of the modules that must be loaded first, nearest first. */
  needs: ReadonlyMap<string, readonly string[]>;
  /** Modules that are part of the kernel itself. */
  builtin: ReadonlySet<string>;
}

/**
 * Modules that another one asks for by a name that modules.dep does not know (modules.softdep gives aliases of the
 * crypto layer, with one module for each implementation).
 */
const ASKED_FOR_AT_RUN_TIME: Readonly<Record<string, readonly string[]>> = {
  libcrc32c: ["crc32c_generic"],
  ext4: ["crc32c_generic"],
  jbd2: ["crc32c_generic"],
};

/** Reads modules.dep and modules.builtin (modules.dep(5)). */
export function parseModuleIndex(dep: string, builtin: string): ModuleIndex {
  const paths = new Map<string, string>();
  const needs = new Map<string, string[]>();
  for (const line of dep.split("\n")) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const path = line.slice(0, colon);
    const name = moduleName(path);
    paths.set(name, path);
    needs.set(name, line.slice(colon + 1).split(" ").filter(Boolean).map(moduleName));
  }
  return {
    paths,
    needs,
    builtin: new Set(builtin.split("\n").filter(Boolean).map(moduleName)),
  };
}

/**
 * A module and everything that it needs, in load order: nothing for a built-in one.
 *
 * @returns `undefined` when this kernel has no such module
 */
export function loadOrder(index: ModuleIndex, name: string): string[] | undefined {
  if (index.builtin.has(name)) return [];
  if (!index.paths.has(name)) return undefined;
  const order: string[] = [];
  const visit = (each: string): void => {
    if (order.includes(each) || !index.paths.has(each)) return;
    for (const softly of ASKED_FOR_AT_RUN_TIME[each] ?? []) visit(softly);
    // modules.dep lists what each needs with the deepest last.
    for (const needed of [...index.needs.get(each) ?? []].reverse()) visit(needed);
    order.push(each);
  };
  visit(name);
  return order;
}

/**
 * The load order of several modules, each once.
 *
 * @throws {Failure} when the kernel lacks one
 */
export function loadOrderOfAll(
  index: ModuleIndex,
  names: readonly string[],
  release: string,
): string[] {
  const order = names.map((name) => {
    const one = loadOrder(index, name);
    if (one) return one;
    throw new Failure(`Cannot build a guest with kernel ${release}: it has no module ${name}`, {
      hint: "Install a complete kernel: apt-get install linux-image-amd64",
    });
  });
  return [...new Set(order.flat())];
}

/**
 * A module's file, unpacked.
 *
 * @param directory the kernel's modules, such as /lib/modules/6.1.0-40-amd64
 * @throws {Failure} when the program that unpacks it is missing
 */
export async function readModule(
  directory: string,
  index: ModuleIndex,
  name: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const path = join(directory, index.paths.get(name)!);
  const packed = await Deno.readFile(path);
  if (path.endsWith(".ko")) return packed;
  if (path.endsWith(".gz")) {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  const program = path.endsWith(".xz") ? "xz" : "zstd";
  try {
    return await runFilter(program, ["-dcq"], packed);
  } catch (cause) {
    throw new Failure(`Cannot unpack the kernel module ${path}: ${program} is not installed`, {
      hint: `Install it: apt-get install ${program === "xz" ? "xz-utils" : "zstd"}`,
      cause,
    });
  }
}

const SIGNATURE_MARK = new TextEncoder().encode("~Module signature appended~\n");
/** struct module_signature (linux/module_signature.h): eight bytes, then the signature's length, big-endian. */
const SIGNATURE_INFO_SIZE = 12;

/**
 * A module without the signature behind it. Checking one costs milliseconds under emulation, and proves nothing about a
 * module that came into the VM together with its kernel.
 */
export function withoutSignature(module: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const markAt = module.length - SIGNATURE_MARK.length;
  const infoAt = markAt - SIGNATURE_INFO_SIZE;
  if (infoAt < 0 || indexOfBytes(module, SIGNATURE_MARK, markAt) !== markAt) return module;
  const view = new DataView(module.buffer, module.byteOffset + infoAt, SIGNATURE_INFO_SIZE);
  const end = infoAt - view.getUint32(8, false);
  return end > 0 ? module.subarray(0, end) : module;
}

function moduleName(path: string): string {
  return path.slice(dirname(path) === "." ? 0 : dirname(path).length + 1)
    .replace(/\.ko(\.\w+)?$/, "").replaceAll("-", "_");
}
