import { cloneTree, type Fd, mount, O_DIRECTORY, O_PATH, open, unmount } from "../../sys/mod.ts";
import { blockDevice, scsiDevice } from "./block_device.ts";
import type { DeviceRule } from "./device_filter.ts";
import { isDirectory, makeDirectory, removeDirectory } from "./guest_files.ts";
import { loadModules } from "./modules.ts";
import { raiseReadAhead } from "./read_ahead.ts";
import { type ContainerSpec, Refusal } from "./runtime.ts";
import type { Share } from "./share.ts";
import type { SharedMemory } from "./shared_memory.ts";
import { tryOpenInTree } from "./small_file.ts";

const MS_RDONLY = 1, MS_NODEV = 4;

/** Where the mounts of a container come from, and where what is made for it is kept until it is removed. */
export interface MountPlaces {
  /** The shared directory. */
  share: Share;
  /** Makes a directory of the container's own in the guest, unless it is there: most need none. */
  directory: () => string;
  /** Nodes of the disks that are mounted. */
  disks: string[];
  /** What it may use of devices beside what every container may. */
  devices: DeviceRule[];
  /** File systems in memory that containers of the pod share. */
  sharedMemory: SharedMemory;
  /** What the host should hear of: something that was asked for is not there. */
  warnings: string[];
  /** Undoes what is made here. */
  held: DisposableStack;
}

/**
 * The container's root: a directory of the share, or of a disk; a mount attached nowhere.
 *
 * @throws {Refusal} when it is not there
 */
export async function openRoot(spec: ContainerSpec, places: MountPlaces): Promise<Fd> {
  const { image, rootfs, fstype, scsiAddr } = spec;
  if (fstype === "" && scsiAddr === "") {
    const path = `${image}/${rootfs}`;
    const { share } = places;
    return cloneDirectory(share.root, path, `${share.path}/${path}`, places.held);
  }
  const device = scsiAddr === "" ? await blockDevice(image) : await scsiDevice(scsiAddr);
  const target = `${places.directory()}/root`;
  makeDirectory(target);
  places.held.defer(() => removeDirectory(target));
  loadModules(fstype);
  const flags = MS_NODEV | (spec.readOnly ? MS_RDONLY : 0);
  // A second mount of an xfs with the same identifier is refused otherwise.
  mount(device, target, fstype, flags, fstype === "xfs" ? "nouuid" : "");
  places.held.defer(() => unmount(target));
  places.disks.push(device);
  raiseReadAhead(target);
  using top = open(target, O_PATH | O_DIRECTORY);
  // A device made by a container engine has the root in a sub-directory; a plain image is the root itself.
  const below = hasDirectory(top, rootfs) ? rootfs : "";
  return cloneDirectory(top, below, `${device}/${below}`, places.held);
}

function hasDirectory(top: Fd, path: string): boolean {
  using found = path === "" ? undefined : tryOpenInTree(top.number, path);
  return found !== undefined && isDirectory(found.number);
}

function cloneDirectory(top: Fd, path: string, name: string, held: DisposableStack): Fd {
  using found = tryOpenInTree(top.number, path === "" ? "." : path);
  if (!found) throw new Refusal(`Could not resolve symlink for source ${name}`);
  if (!isDirectory(found.number)) {
    throw new Refusal(`Could not use source ${name}: not a directory`);
  }
  return held.use(cloneTree(found.number, name));
}
