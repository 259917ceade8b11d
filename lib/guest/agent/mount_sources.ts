import {
  cloneTree,
  createMount,
  type Fd,
  MOUNT_NODEV,
  MOUNT_NOEXEC,
  MOUNT_NOSUID,
  MOUNT_RDONLY,
  O_PATH,
  open,
  openInRoot,
} from "../../sys/mod.ts";
import { blockDevice, scsiDevice } from "./block_device.ts";
import { copyUp } from "./copy_up.ts";
import type { MountPlaces } from "./container_root.ts";
import { deviceNumbers, type DeviceRule } from "./device_filter.ts";
import { exists, isDirectory } from "./guest_files.ts";
import { type ContainerSpec, Refusal } from "./runtime.ts";
import type { MountSource } from "./mount_program.ts";

type SpecMount = ContainerSpec["mounts"][number];

/** A mount of what the host shares, or of one of its disks. */
export async function sharedSource(
  entry: ContainerSpec["fsmap"][number],
  places: MountPlaces,
): Promise<MountSource> {
  using source = await openSource(entry, places);
  if (entry.absolutePath || entry.scsiAddr !== "") {
    places.devices.push(...deviceRules(source, entry.readOnly ? "r" : "rw"));
  }
  return treeOf(source, entry.source, places);
}

/**
 * A mount of what the guest has itself at a path.
 *
 * @throws {Refusal} when it has nothing there
 */
export function guestSource(path: string, places: MountPlaces): MountSource {
  if (!exists(path)) throw new Refusal(`Cannot mount ${path}: the VM has no such thing`);
  using source = open(path, O_PATH);
  places.devices.push(...deviceRules(source, "rw"));
  // What is below the guest's /dev is not for containers: they have their own.
  return treeOf(source, path, places, path !== "/dev");
}

/** A new file system in memory, unless it is one that containers share. */
export function memorySource(mount: SpecMount, root: Fd, places: MountPlaces): MountSource {
  const { sharedAs, options, set } = mount;
  if (sharedAs !== "") {
    using shared = places.sharedMemory.open(sharedAs, optionsOf(options));
    return treeOf(shared, sharedAs, places);
  }
  if (!mount.copyUp) {
    return { kind: "new", type: "tmpfs", options, device: "", attributes: set };
  }
  const tree = places.held.use(createMount("tmpfs", optionsOf(options), set & ~MOUNT_RDONLY));
  copyUp(root, mount.path, tree);
  return { kind: "tree", tree: tree.number, file: false };
}

/** A file system in memory, as the host asks for one by size and mode. */
export function tmpfsSource(wanted: ContainerSpec["tmpfs"][number]): MountSource {
  const { size, mode, readOnly, exec } = wanted;
  return {
    kind: "new",
    type: "tmpfs",
    options: [`mode=${mode.toString(8)}`, ...(size > 0 ? [`size=${size}`] : [])],
    device: "",
    attributes: MOUNT_NOSUID | MOUNT_NODEV | (readOnly ? MOUNT_RDONLY : 0) |
      (exec ? 0 : MOUNT_NOEXEC),
  };
}

/** Options of a file system as {@linkcode createMount} takes them. */
export function optionsOf(options: readonly string[]): Record<string, string | true> {
  return Object.fromEntries(options.map((option) => {
    const at = option.indexOf("=");
    return at < 0 ? [option, true] : [option.slice(0, at), option.slice(at + 1)];
  }));
}

function treeOf(source: Fd, name: string, { held }: MountPlaces, recursive = true): MountSource {
  const tree = held.use(cloneTree(source.number, name, { recursive }));
  return { kind: "tree", tree: tree.number, file: !isDirectory(source.number) };
}

async function openSource(
  { source, absolutePath, scsiAddr }: ContainerSpec["fsmap"][number],
  { share }: MountPlaces,
): Promise<Fd> {
  if (scsiAddr !== "") return open(await scsiDevice(scsiAddr), O_PATH);
  if (absolutePath) {
    const disk = /^\/dev\/([a-z0-9]+)$/.exec(source)?.[1];
    return open(disk === undefined ? source : await deviceNode(disk), O_PATH);
  }
  const { root } = share;
  try {
    return openInRoot(root.number, source, O_PATH);
  } catch {
    throw new Refusal(`Could not resolve symlink for source ${share.path}/${source}`);
  }
}

/** The rule for a device that is mounted in a container: it is to be used there. */
function deviceRules(node: Fd, access: string): DeviceRule[] {
  const { isBlockDevice, isCharDevice, rdev } = Deno.statSync(`/proc/self/fd/${node.number}`);
  if (!isBlockDevice && !isCharDevice) return [];
  const { major, minor } = deviceNumbers(rdev ?? 0);
  const type = isBlockDevice ? "b" : "c";
  return [{ allow: true, type, major, minor, access }];
}

/** A node of /dev that is there, such as `null`, or else a disk that is waited for. */
async function deviceNode(name: string): Promise<string> {
  return exists(`/dev/${name}`) ? `/dev/${name}` : await blockDevice(name);
}
