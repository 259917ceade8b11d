import { basename, join } from "@std/path";
import type { HostKernel } from "./kernel.ts";
import { readOptional } from "./kernel.ts";
import {
  loadOrder,
  loadOrderOfAll,
  parseModuleIndex,
  readModule,
  withoutSignature,
} from "./modules.ts";

/** Loaded before the agent starts: its root file system, its channel to the host and its share. */
const BOOT_MODULES = ["virtio_pci", "virtio_blk", "erofs", "virtio_console", "9pnet_virtio", "9p"];

/** What the agent loads when it is asked for; each only if the kernel has it. */
const LOADABLE: Readonly<Record<string, readonly string[]>> = {
  "9p": ["9pnet_virtio", "9p"],
  balloon: ["virtio_balloon"],
  ext4: ["ext4"],
  fuse: ["fuse"],
  mem: ["virtio_mem"],
  net: ["virtio_net", "af_packet"],
  overlay: ["overlay"],
  pmem: ["virtio_pmem", "nd_pmem"],
  rng: ["virtio_rng"],
  scsi: ["virtio_scsi", "sd_mod"],
  squashfs: ["squashfs"],
  tun: ["tun"],
  virtiofs: ["virtiofs"],
  xfs: ["xfs"],
};

/** Which modules a guest gets, as a text that changes with them. */
export const MODULE_CHOICE = JSON.stringify([BOOT_MODULES, LOADABLE]);

/** The kernel modules in a guest. */
export interface GuestModules {
  /** For the initramfs, in load order. */
  boot: { name: string; data: Uint8Array }[];
  /** For the root file system. */
  loadable: { path: string; data: Uint8Array }[];
  /** Paths in load order, by the name of what they are for: `/lib/modules.json` in the guest. */
  index: Record<string, string[]>;
}

/**
 * Reads the modules that a guest needs, with what they need, unpacked.
 *
 * @throws {Failure} when the kernel lacks one that the guest cannot start without
 */
export async function collectModules(
  kernel: HostKernel,
  { keepSignatures = false } = {},
): Promise<GuestModules> {
  const at = (name: string) => join(kernel.modules, name);
  const index = parseModuleIndex(
    Deno.readTextFileSync(at("modules.dep")),
    readOptional(at("modules.builtin")),
  );
  const read = async (name: string) => {
    const data = await readModule(kernel.modules, index, name);
    return keepSignatures ? data : withoutSignature(data);
  };
  const boot: GuestModules["boot"] = [];
  for (const name of loadOrderOfAll(index, BOOT_MODULES, kernel.release)) {
    boot.push({ name, data: await read(name) });
  }
  const guest: GuestModules = { boot, loadable: [], index: {} };
  const alreadyLoaded = new Set(boot.map(({ name }) => name));
  const paths = new Map<string, string>();
  for (const [purpose, names] of Object.entries(LOADABLE)) {
    const order = new Set(names.flatMap((name) => loadOrder(index, name) ?? []));
    guest.index[purpose] = [];
    for (const name of order) {
      if (alreadyLoaded.has(name)) continue;
      if (!paths.has(name)) {
        const path = `/lib/modules/${basename(index.paths.get(name)!).replace(/\.ko.*/, ".ko")}`;
        paths.set(name, path);
        guest.loadable.push({ path, data: await read(name) });
      }
      guest.index[purpose].push(paths.get(name)!);
    }
  }
  return guest;
}
