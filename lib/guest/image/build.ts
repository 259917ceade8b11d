import { join } from "@std/path";
import type { AgentRuntime } from "./agent_runtime.ts";
import { embeddedGuest } from "./embedded.ts";
import { ImageCache } from "./image_cache.ts";
import { hashFiles } from "./inputs.ts";

/** What a VM boots from. */
export interface GuestImage {
  /** The kernel, an ELF file with a PVH entry. */
  kernel: string;
  /** The initramfs: the modules for the root file system, and the program that mounts it. */
  initrd: string;
  /** The guest's root file system, read-only, for its first virtio-blk device. */
  image: string;
  /** A static busybox for a container's root file system, on the host. */
  busybox: string;
  /** Hash of all that the guest was built from. */
  key: string;
}

/** What to build, and where to keep it. */
export interface BuildOptions {
  /** podvisor's cache directory: `findPaths().cache`. */
  cacheDir: string;
  /** A kernel image instead of the newest one of the host (or the built-in one). */
  kernel?: string;
  /** The agent's program. Default: this podvisor's. */
  runtime?: AgentRuntime;
  /** Told of each step that takes time: a phrase such as "unpacking the kernel". */
  onStep?: (step: string) => void;
}

/**
 * The guest if it is ready, found by a few stat calls.
 *
 * @returns nothing when it must be built first, or an input has changed
 */
export function findGuest(options: BuildOptions): GuestImage | undefined {
  const found = cacheOf(options).find(recipeOf(options));
  return found && describe(found.directory, found.key);
}

/**
 * The guest, built first when that is needed: from the host's kernel, or, in a binary that carries one, unpacked from
 * there.
 *
 * @throws {Failure} when something that it is made of is missing on this host
 */
export async function buildGuest(options: BuildOptions): Promise<GuestImage> {
  const ready = findGuest(options);
  if (ready) return ready;
  const cache = cacheOf(options);
  const recipe = recipeOf(options);
  const embedded = usesEmbedded(options) ? embeddedGuest() : undefined;
  if (embedded) {
    const built = await cache.build(
      recipe,
      async () => ({ key: embedded.key, inputs: await hashFiles([], []) }),
      (directory) => {
        options.onStep?.("unpacking the guest");
        return embedded.unpack(directory);
      },
    );
    return describe(built.directory, built.key);
  }
  // Most starts find it ready.
  const { planGuest } = await import("./plan_guest.ts");
  const plan = planGuest(options);
  const built = await cache.build(
    recipe,
    () => plan.listInputs(cache.knownInputs(recipe)),
    (directory) => plan.write(directory),
  );
  return describe(built.directory, built.key);
}

function cacheOf(options: BuildOptions): ImageCache {
  return new ImageCache(join(options.cacheDir, "guest"));
}

function usesEmbedded(options: BuildOptions): boolean {
  return options.kernel === undefined && options.runtime === undefined;
}

/** Builds of different kernels and podvisors do not disturb each other. */
function recipeOf(options: BuildOptions): string {
  const embedded = usesEmbedded(options) ? embeddedGuest() : undefined;
  if (embedded) return `embedded-${embedded.key.slice(0, 16)}`;
  const parts = [
    options.runtime?.executable ?? Deno.execPath(),
    options.runtime?.command.join(" ") ?? import.meta.url,
    options.kernel ?? "newest",
  ];
  return `built-${shortHash(parts.join("\0"))}`;
}

/** FNV-1a, 64 bits: a file name, not a proof. */
function shortHash(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}

function describe(directory: string, key: string): GuestImage {
  return {
    kernel: join(directory, "vmlinux"),
    initrd: join(directory, "initrd.cpio"),
    image: join(directory, "root.erofs"),
    busybox: join(directory, "busybox"),
    key,
  };
}
