import { isAbsolute, resolve } from "@std/path";
import type { MemoryMount } from "../agent/mod.ts";
import type { Config } from "../config/mod.ts";
import type { ContainerConfig, DeviceConfig } from "../pod/mod.ts";
import { infoOf } from "./info_of.ts";
import { badValue, type OptionSpec, type ParsedOptions } from "./options.ts";
import { parseSize, readSize } from "./size.ts";

/** As podman has it: for everybody, without programs that could be run. */
const TMPFS: Omit<MemoryMount, "destination"> = {
  size: 0,
  mode: 0o1777,
  readOnly: false,
  exec: false,
};

/** The options that give a container devices and file systems in memory. */
export const STORAGE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "device",
    kind: "list",
    placeholder: "SRC:DST[:ro]",
    help: "Give it an image file or block device of the host as the block device DST",
  },
  {
    name: "block-driver",
    kind: "value",
    placeholder: "virtio-scsi|virtio-blk",
    help: "How block devices are plugged into the VM. Default: virtio-scsi",
  },
  {
    name: "tmpfs",
    kind: "list",
    placeholder: "DST[:OPTIONS]",
    help: "Mount a file system in memory; options are size=SIZE, mode=MODE, ro, exec",
  },
  { name: "shm-size", kind: "value", placeholder: "SIZE", help: "Size of /dev/shm. Default: 64M" },
];

/** The part of a container's configuration that {@linkcode STORAGE_OPTIONS} say. */
export type StorageConfig = Pick<
  ContainerConfig,
  "devices" | "blockDriver" | "memoryMounts" | "shmSize"
>;

/**
 * Reads {@linkcode STORAGE_OPTIONS}.
 *
 * @param before what holds already
 * @param config what holds for options that are not given
 * @throws {Failure} naming a value that will not do
 */
export async function readStorage(
  options: ParsedOptions,
  before: Omit<StorageConfig, "blockDriver">,
  config: Config,
): Promise<StorageConfig> {
  const devices: DeviceConfig[] = [];
  for (const text of options.list("device")) devices.push(await readDevice(text));
  return {
    devices: [...before.devices, ...devices],
    blockDriver: options.choice("block-driver", ["virtio-scsi", "virtio-blk"]) ??
      config.get("block_driver"),
    memoryMounts: [...before.memoryMounts, ...options.list("tmpfs").map(readTmpfs)],
    shmSize: readSize(options, "shm-size") ?? before.shmSize,
  };
}

async function readDevice(text: string): Promise<DeviceConfig> {
  const [source = "", destination = source, mode = "rw", ...rest] = text.split(":");
  if (source === "" || !isAbsolute(destination) || rest.length > 0) {
    throw badValue("device", text, "SRC:DST or SRC:DST:ro is needed, DST an absolute path");
  }
  if (mode !== "ro" && mode !== "rw") {
    throw badValue("device", text, `${JSON.stringify(mode)} is neither ro nor rw`);
  }
  const path = resolve(source);
  if (!await isDisk(path)) {
    throw badValue("device", text, `${path} is neither a file nor a block device`);
  }
  return { source: path, destination, readOnly: mode === "ro" };
}

/** Whether a path leads to an image file or a block device. */
export async function isDisk(path: string): Promise<boolean> {
  const info = await infoOf(path);
  return info?.isFile === true || info?.isBlockDevice === true;
}

function readTmpfs(text: string): MemoryMount {
  const [destination = "", words, ...rest] = text.split(":");
  if (!isAbsolute(destination) || rest.length > 0) {
    throw badValue("tmpfs", text, "DST or DST:OPTIONS is needed, DST an absolute path");
  }
  const mount = { destination, ...TMPFS };
  for (const word of words?.split(",") ?? []) {
    const unknown = readTmpfsOption(mount, word);
    if (unknown) throw badValue("tmpfs", text, `the option ${JSON.stringify(word)} is unknown`);
  }
  return mount;
}

/**
 * Changes a file system in memory as one of its mount options says (tmpfs(5), mount(8)).
 *
 * @returns whether the option is unknown
 */
function readTmpfsOption(mount: MemoryMount, word: string): boolean {
  const [name, value = ""] = word.split("=");
  if (name === "size") mount.size = parseSize("tmpfs", value);
  else if (name === "mode" && /^[0-7]{1,4}$/.test(value)) mount.mode = parseInt(value, 8);
  else if (word === "ro" || word === "rw") mount.readOnly = word === "ro";
  else if (word === "exec" || word === "noexec") mount.exec = word === "exec";
  else return word !== "nosuid" && word !== "nodev";
  return false;
}
