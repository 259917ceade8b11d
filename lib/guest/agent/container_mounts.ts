import {
  cloneTree,
  createMount,
  type Fd,
  mount,
  MOUNT_NODEV,
  MOUNT_NOEXEC,
  MOUNT_NOSUID,
  MOUNT_RDONLY,
  O_DIRECTORY,
  O_PATH,
  open,
  openInRoot,
  setMountAttributes,
  unmount,
} from "../../sys/mod.ts";
import { blockDevice, scsiDevice } from "./block_device.ts";
import { loadModules } from "./modules.ts";
import { raiseReadAhead } from "./read_ahead.ts";
import type { PlannedMount } from "./container_program.ts";
import { deviceNumbers, type DeviceRule } from "./device_filter.ts";
import { type EtcFile } from "./etc_files.ts";
import {
  exists,
  isDirectory,
  makeDirectory,
  removeDirectory,
  removeFile,
  writeFile,
} from "./guest_files.ts";
import { type ContainerSpec, Refusal } from "./runtime.ts";
import { tryOpenInTree } from "./small_file.ts";

const MS_RDONLY = 1, MS_NODEV = 4;

/** Where the mounts of a container come from, and where what is made for it is kept until it is removed. */
export interface MountPlaces {
  /** The shared directory. */
  share: Fd;
  /** Its path, for messages. */
  sharePath: string;
  /** A directory of the container's own in the guest. */
  directory: string;
  /** Nodes of the disks that are mounted. */
  disks: string[];
  /** What it may use of devices beside what every container may. */
  devices: DeviceRule[];
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
    return cloneDirectory(places.share, path, `${places.sharePath}/${path}`, places.held);
  }
  const device = scsiAddr === "" ? await blockDevice(image) : await scsiDevice(scsiAddr);
  const target = `${places.directory}/root`;
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

/**
 * Everything that is bind mounted into the container, in order: what the host asked for, and the pod's files of /etc
 * that nothing of the host's takes the place of.
 */
export async function planMounts(
  spec: ContainerSpec,
  root: Fd,
  etc: readonly EtcFile[],
  places: MountPlaces,
): Promise<PlannedMount[]> {
  const mounts: PlannedMount[] = [];
  for (const { name, text, needed } of etc) {
    const path = `/etc/${name}`;
    if (spec.fsmap.some((each) => normal(each.path) === path)) continue;
    const make = isMissing(root, path);
    if (make && !needed) continue;
    const file = `${places.directory}/${name}`;
    writeFile(file, text);
    places.held.defer(() => removeFile(file));
    using found = open(file, O_PATH);
    mounts.push({
      tree: places.held.use(cloneTree(found.number, file)).number,
      path,
      kind: "file",
      make,
    });
  }
  for (const each of [...spec.tmpfs, ...spec.fsmap].sort((a, b) => depth(a) - depth(b))) {
    const path = normal(each.path);
    if (path === "/") throw new Refusal("Cannot mount on /: it is the root of the container");
    // Below another mount, or in the container's own /dev, the root says nothing about it.
    const covered = path.startsWith("/dev/") ||
      mounts.some((other) => path.startsWith(`${other.path}/`));
    const make = covered || isMissing(root, path);
    if ("size" in each) {
      mounts.push({ tree: places.held.use(newTmpfs(each)).number, path, kind: "directory", make });
      continue;
    }
    using source = await openSource(each, places);
    places.devices.push(...deviceRules(source, each.readOnly));
    const tree = places.held.use(cloneTree(source.number, each.source, { recursive: true }));
    if (each.readOnly) {
      setMountAttributes(tree.number, each.path, MOUNT_RDONLY, { recursive: true });
    }
    const kind = isDirectory(source.number) ? "directory" : "file";
    mounts.push({ tree: tree.number, path, kind, make });
  }
  return mounts;
}

/**
 * A descriptor of what the host maps to `path`, if anything; accounts are looked up in what a container will really
 * see.
 */
export function mappedTree(mounts: readonly PlannedMount[], path: string): number | undefined {
  return mounts.findLast((each) => each.path === path)?.tree;
}

async function openSource(
  { source, absolutePath, scsiAddr }: ContainerSpec["fsmap"][number],
  { share, sharePath }: MountPlaces,
): Promise<Fd> {
  if (scsiAddr !== "") return open(await scsiDevice(scsiAddr), O_PATH);
  if (absolutePath) {
    const disk = /^\/dev\/([a-z0-9]+)$/.exec(source)?.[1];
    return open(disk === undefined ? source : await deviceNode(disk), O_PATH);
  }
  try {
    return openInRoot(share.number, source, O_PATH);
  } catch {
    throw new Refusal(`Could not resolve symlink for source ${sharePath}/${source}`);
  }
}

/** The rule for a device that is mounted in a container: it is to be used there. */
function deviceRules(node: Fd, readOnly: boolean): DeviceRule[] {
  const { isBlockDevice, isCharDevice, rdev } = Deno.statSync(`/proc/self/fd/${node.number}`);
  if (!isBlockDevice && !isCharDevice) return [];
  const { major, minor } = deviceNumbers(rdev ?? 0);
  const type = isBlockDevice ? "b" : "c";
  return [{ allow: true, type, major, minor, access: readOnly ? "r" : "rw" }];
}

/** A node of /dev that is there, such as `null`, or else a disk that is waited for. */
async function deviceNode(name: string): Promise<string> {
  return exists(`/dev/${name}`) ? `/dev/${name}` : await blockDevice(name);
}

/** Parents are mounted before what is below them; the rest stays in the order given. */
function depth({ path }: { path: string }): number {
  return normal(path).split("/").length;
}

function newTmpfs({ size, mode, readOnly, exec }: ContainerSpec["tmpfs"][number]): Fd {
  const options = { mode: mode.toString(8), ...(size > 0 ? { size: String(size) } : {}) };
  const attributes = MOUNT_NOSUID | MOUNT_NODEV | (readOnly ? MOUNT_RDONLY : 0) |
    (exec ? 0 : MOUNT_NOEXEC);
  return createMount("tmpfs", options, attributes);
}

function isMissing(root: Fd, path: string): boolean {
  // Not `using`: the bundler takes a variable that is only compared, in the next statement, out of existence.
  const found = tryOpenInTree(root.number, path);
  found?.close();
  return !found;
}

/** An absolute path without empty parts and single dots. */
export function normal(path: string): string {
  return "/" + path.split("/").filter((each) => each !== "" && each !== ".").join("/");
}
