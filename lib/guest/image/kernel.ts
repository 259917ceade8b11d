import { basename, join } from "@std/path";
import { Failure } from "../../failure.ts";

/** A kernel of the host that can run in a VM. */
export interface HostKernel {
  /** vmlinuz or vmlinux. */
  path: string;
  /** As `uname -r` will say. */
  release: string;
  /** Its modules. */
  modules: string;
}

/** Where kernels are looked for. Default: the host's own places. */
export interface KernelPlaces {
  boot: string;
  modules: readonly string[];
}

const HOST_PLACES: KernelPlaces = { boot: "/boot", modules: ["/lib/modules", "/usr/lib/modules"] };

/**
 * The newest kernel that has its modules, one with 9p before one without (the flavour for clouds has none).
 *
 * @param path a kernel image to use instead; its release is the part of its name after `vmlinuz-`, or what its version
 *   text says
 * @throws {Failure} when there is none
 */
export function findKernel(path?: string, places: KernelPlaces = HOST_PLACES): HostKernel {
  if (path !== undefined) return namedKernel(path, places);
  const kernels = list(places.boot)
    .filter((name) => name.startsWith("vmlinuz-"))
    .map((name) => describe(join(places.boot, name), name.slice("vmlinuz-".length), places))
    .filter((kernel) => kernel !== undefined)
    .sort((a, b) => compareReleases(b.release, a.release));
  const found = kernels.find(has9p) ?? kernels[0];
  if (found) return found;
  throw new Failure(
    `Cannot find a kernel for the guest: ${places.boot} has none whose modules are installed`,
    {
      hint: "Install one: apt-get install linux-image-amd64",
    },
  );
}

function namedKernel(path: string, places: KernelPlaces): HostKernel {
  const name = basename(path);
  const fromName = /^vmlinu[xz]-(.+)$/.exec(name)?.[1];
  const release = fromName ?? releaseInHeader(path);
  const kernel = release === undefined ? undefined : describe(path, release, places);
  if (kernel) return kernel;
  throw new Failure(
    `Cannot use the kernel ${path}: ${
      release === undefined
        ? "its release is unknown"
        : `no modules of release ${release} are installed`
    }`,
    { hint: "Its modules must be in /lib/modules/RELEASE, its name vmlinuz-RELEASE" },
  );
}

/** The version text of a bzImage (Documentation/x86/boot.rst, field kernel_version). */
function releaseInHeader(path: string): string | undefined {
  let head: Uint8Array;
  try {
    using file = Deno.openSync(path);
    head = new Uint8Array(0x8000);
    head = head.subarray(0, file.readSync(head) ?? 0);
  } catch (cause) {
    throw new Failure(`Cannot read the kernel ${path}`, { cause });
  }
  if (head.length < 0x250) return undefined;
  const view = new DataView(head.buffer);
  if (view.getUint32(0x202, true) !== 0x53726448) return undefined;
  const at = view.getUint16(0x20e, true) + 0x200;
  const text = new TextDecoder().decode(head.subarray(at, at + 80));
  return /^[\w.+~-]+/.exec(text)?.[0];
}

function describe(path: string, release: string, places: KernelPlaces): HostKernel | undefined {
  const modules = places.modules.map((each) => join(each, release))
    .find((each) => exists(join(each, "modules.dep")));
  return modules === undefined ? undefined : { path, release, modules };
}

function has9p(kernel: HostKernel): boolean {
  return /\/9p\.ko/.test(Deno.readTextFileSync(join(kernel.modules, "modules.dep"))) ||
    /\/9p\.ko/.test(readOptional(join(kernel.modules, "modules.builtin")));
}

/** The text of a file; nothing when it is not there. */
export function readOptional(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** Orders release names as people do: numbers by value, everything else by letter. */
export function compareReleases(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

function list(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map((entry) => entry.name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
