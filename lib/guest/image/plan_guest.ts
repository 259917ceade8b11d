import { join } from "@std/path";
import { Failure } from "../../failure.ts";
import { busyboxPrograms, busyboxTree } from "../../storage/mod.ts";
import { BUSYBOX_ROOT } from "../busybox_place.ts";
import { type AgentRuntime, agentRuntime } from "./agent_runtime.ts";
import type { BuildOptions } from "./build.ts";
import { packCpio } from "./cpio.ts";
import { isElf, trimElf } from "./elf.ts";
import { packErofs } from "./erofs.ts";
import { FileTree } from "./file_tree.ts";
import { collectModules, type GuestModules, MODULE_CHOICE } from "./guest_modules.ts";
import { type HashedFile, hashFiles, sha256 } from "./inputs.ts";
import { findKernel, type HostKernel, readOptional } from "./kernel.ts";
import { collectLibraries } from "./libraries.ts";
import { buildStage1 } from "./stage1.ts";
import { extractVmlinux } from "./vmlinux.ts";

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

/** How a guest is made of what this host has. */
export interface GuestPlan {
  /** What it is made of, and the hash of it. @param known files whose hashes are known */
  listInputs(known: readonly HashedFile[]): Promise<{ key: string; inputs: HashedFile[] }>;
  /** Writes its files into a directory. */
  write(directory: string): Promise<void>;
}

/**
 * Plans a guest of the host's kernel, or of another one.
 *
 * @throws {Failure} when something that it is made of is missing on this host
 */
export function planGuest({ onStep, ...options }: BuildOptions): GuestPlan {
  const runtime = options.runtime ?? agentRuntime();
  const kernel = findKernel(options.kernel);
  const busybox = findBusybox();
  return {
    async listInputs(known) {
      onStep?.("looking at what the guest is made of");
      const inputs = await listInputs(kernel, runtime, busybox, known);
      return { key: await keyOf(inputs, runtime), inputs };
    },
    write: (directory) => writeGuest(directory, kernel, runtime, busybox, onStep),
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
