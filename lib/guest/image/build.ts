import { join } from "@std/path";
import { Failure } from "../../failure.ts";
import { type AgentRuntime, agentRuntime } from "./agent_runtime.ts";
import { packCpio } from "./cpio.ts";
import { isElf, trimElf } from "./elf.ts";
import { packErofs } from "./erofs.ts";
import { ImageCache } from "./image_cache.ts";
import { type HashedFile, hashFiles, sha256 } from "./inputs.ts";
import { findKernel, type HostKernel, readOptional } from "./kernel.ts";
import { collectLibraries } from "./libraries.ts";
import { collectModules, type GuestModules, MODULE_CHOICE } from "./guest_modules.ts";
import { buildStage1 } from "./stage1.ts";
import { FileTree } from "./file_tree.ts";
import { extractVmlinux } from "./vmlinux.ts";
import { embeddedGuest } from "./embedded.ts";
import { busyboxPrograms, busyboxTree } from "../../storage/mod.ts";
import { BUSYBOX_ROOT } from "../busybox_place.ts";

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

/** Where the host keeps busybox (Debian's busybox-static). */
const BUSYBOX_PLACES = ["/bin/busybox", "/usr/bin/busybox"];
/** Mount points, and the places of device nodes and configuration. */
const DIRECTORIES = ["/dev", "/etc", "/mnt", "/proc", "/root", "/run", "/sys", "/tmp"];
/** The agent's environment. The runtime keeps its caches where they can be written. */
const AGENT_ENV = {
  PATH: "/bin",
  HOME: "/run",
  DENO_DIR: "/run/deno",
  DENO_NO_UPDATE_CHECK: "1",
  NO_COLOR: "1",
};

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
  const runtime = options.runtime ?? agentRuntime();
  const kernel = findKernel(options.kernel);
  const busybox = findBusybox();
  const built = await cache.build(
    recipe,
    async () => {
      options.onStep?.("looking at what the guest is made of");
      const inputs = await listInputs(kernel, runtime, busybox, cache.knownInputs(recipe));
      return { key: await keyOf(inputs, runtime), inputs };
    },
    (directory) => writeGuest(directory, kernel, runtime, busybox, options.onStep),
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

function findBusybox(): string {
  const path = BUSYBOX_PLACES.find((each) => isElf(readHead(each)));
  if (path !== undefined) return path;
  throw new Failure("Cannot build the guest: busybox is not installed", {
    hint: "Install it: apt-get install busybox-static",
  });
}

function readHead(path: string): Uint8Array {
  try {
    using file = Deno.openSync(path);
    const head = new Uint8Array(64);
    return head.subarray(0, file.readSync(head) ?? 0);
  } catch {
    return new Uint8Array();
  }
}

/** `/boot` itself is among them: a new kernel in it changes its time. */
async function listInputs(
  kernel: HostKernel,
  runtime: AgentRuntime,
  busybox: string,
  known: readonly HashedFile[],
): Promise<HashedFile[]> {
  const paths = [
    kernel.path,
    join(kernel.modules, "modules.dep"),
    "/boot",
    "/lib/modules",
    busybox,
    runtime.executable,
    ...await runtime.sources(),
  ];
  return hashFiles(paths, known);
}

/** Names count as well as contents: they tell which file is which. */
async function keyOf(inputs: readonly HashedFile[], runtime: AgentRuntime): Promise<string> {
  const lines = inputs.filter(({ path }) => path !== "/boot" && path !== "/lib/modules")
    .map(({ path, sha256 }) => `${sha256} ${path}`);
  const settings = [
    runtime.command.join(" "),
    JSON.stringify(AGENT_ENV),
    MODULE_CHOICE,
    JSON.stringify([BUSYBOX_ROOT, busyboxTree([])]),
  ];
  const text = [...lines, ...settings].join("\n");
  return await sha256(new TextEncoder().encode(text));
}

async function writeGuest(
  directory: string,
  kernel: HostKernel,
  runtime: AgentRuntime,
  busybox: string,
  onStep: ((step: string) => void) | undefined,
): Promise<void> {
  onStep?.(`unpacking the kernel ${kernel.release}`);
  const vmlinux = await extractVmlinux(await Deno.readFile(kernel.path), kernel.path);
  await Deno.writeFile(join(directory, "vmlinux"), trimElf(vmlinux));

  onStep?.("collecting the kernel's modules");
  const enforcesSignatures = /^CONFIG_MODULE_SIG_FORCE=y$/m
    .test(readOptional(`/boot/config-${kernel.release}`));
  const modules = await collectModules(kernel, { keepSignatures: enforcesSignatures });
  await Deno.writeFile(join(directory, "initrd.cpio"), packInitrd(modules, runtime));

  onStep?.("packing the agent");
  await Deno.writeFile(join(directory, "root.erofs"), await packRoot(modules, runtime, busybox));
  await Deno.copyFile(busybox, join(directory, "busybox"));
  await Deno.chmod(join(directory, "busybox"), 0o755);
}

function packInitrd(modules: GuestModules, runtime: AgentRuntime): Uint8Array {
  const stage1 = buildStage1({
    modules: modules.boot,
    rootDevice: "/dev/vda",
    command: runtime.command,
    env: AGENT_ENV,
  });
  return packCpio([
    { kind: "directory", path: "dev" },
    { kind: "character", path: "dev/console", major: 5, minor: 1 },
    { kind: "directory", path: "root" },
    { kind: "file", path: "init", mode: 0o755, data: stage1 },
  ]);
}

/** The built-in root file system, as the host has it, for containers that need not have the host's. */
async function addBusybox(tree: FileTree, busybox: string): Promise<void> {
  for (const entry of busyboxTree(await busyboxPrograms(busybox))) {
    const path = `${BUSYBOX_ROOT}/${entry.path}`;
    switch (entry.kind) {
      case "directory":
        tree.directory(path, entry.mode);
        break;
      case "file":
        tree.file(path, new TextEncoder().encode(entry.text));
        break;
      case "link":
        tree.link(path, entry.target);
        break;
      case "program":
        tree.file(path, await Deno.readFile(busybox), 0o755);
        tree.link("/bin/busybox", path);
    }
  }
}

async function packRoot(
  modules: GuestModules,
  runtime: AgentRuntime,
  busybox: string,
): Promise<Uint8Array> {
  const tree = new FileTree();
  for (const path of DIRECTORIES) tree.directory(path);
  const program = await Deno.readFile(runtime.executable);
  tree.file(runtime.target, program, 0o755);
  for (const [path, data] of collectLibraries(program)) tree.file(path, data, 0o755);
  for (const [path, data] of await runtime.files()) tree.file(path, data);
  await addBusybox(tree, busybox);
  for (const { path, data } of modules.loadable) tree.file(path, data);
  tree.file("/lib/modules.json", new TextEncoder().encode(JSON.stringify(modules.index)));
  return packErofs(tree.root);
}
