import type { MemoryMount } from "../agent/mod.ts";
import type { SpecMount } from "./bundle.ts";

const SHM = "/dev/shm";
const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Whether a bundle's mount is a file system in memory of its own. The guest makes /dev with its shm by itself. */
export function isMemoryMount({ type, destination = "" }: SpecMount): boolean {
  return type === "tmpfs" && destination !== "/dev" && destination !== SHM;
}

/** A tmpfs of a bundle (tmpfs(5)); options that it does not have are left alone. */
export function memoryMountOf({ destination = "", options = [] }: SpecMount): MemoryMount {
  const mode = valueOf(options, "mode");
  return {
    destination,
    size: sizeOf(options),
    mode: mode !== undefined && /^[0-7]{1,4}$/.test(mode) ? parseInt(mode, 8) : 0o1777,
    readOnly: options.includes("ro"),
    exec: !options.includes("noexec"),
  };
}

/** Bytes that a bundle wants /dev/shm to have; 0 when it does not say. */
export function shmSizeOf(mounts: readonly SpecMount[]): number {
  return sizeOf(mounts.find(({ destination }) => destination === SHM)?.options ?? []);
}

function sizeOf(options: readonly string[]): number {
  const size = /^(\d+)([kmg]?)$/i.exec(valueOf(options, "size") ?? "");
  return size ? Number(size[1]) * UNITS[size[2]!.toLowerCase()]! : 0;
}

function valueOf(options: readonly string[], name: string): string | undefined {
  return options.findLast((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}
