import { join } from "@std/path";
import { FILE_SYSTEMS } from "./file_system.ts";

/** The disk that a root file system is on. */
export interface BlockRoot {
  path: string;
  fstype: string;
}

/** Where a host tells of its mounts and devices. Default: this one. */
export interface BlockRootFacts {
  /** proc(5), /proc/PID/mountinfo. */
  mountinfo: string;
  /** Whether a path is there. */
  exists(path: string): boolean;
}

/** Directory of a disk that is the root of what an engine keeps on it. */
const ROOTFS = "rootfs";
/** In /sys/dev/block/MAJOR:MINOR of a device-mapper or loop device. */
const MARKS = ["dm", "loop"];

/**
 * The disk whose file system a directory is: where a device-mapper or loop device is mounted as a whole, or the
 * directory `rootfs` of it (virtcontainers-behaviour 7). Nothing for any other, and for one whose file system the
 * guest does not know.
 *
 * @param directory absolute, without links
 */
export function findBlockRoot(
  directory: string,
  { mountinfo, exists }: BlockRootFacts = hostFacts(),
): BlockRoot | undefined {
  const mount = mountinfo.split("\n").map(parseMount)
    .findLast((each) => each && [each.point, join(each.point, ROOTFS)].includes(directory));
  if (!mount || mount.root !== "/" || mount.point === "/") return undefined;
  // The guest takes the directory of that name where there is one.
  if (directory === mount.point && exists(join(directory, ROOTFS))) return undefined;
  if (!MARKS.some((mark) => exists(`/sys/dev/block/${mount.device}/${mark}`))) return undefined;
  const { source: path, fstype } = mount;
  return FILE_SYSTEMS.includes(fstype) && path.startsWith("/dev/") ? { path, fstype } : undefined;
}

function parseMount(line: string) {
  const [before = "", after = ""] = line.split(" - ");
  const [, , device, root, point] = before.split(" ");
  const [fstype, source] = after.split(" ");
  if (!device || !root || !point || !fstype || !source) return undefined;
  return { device, root: plain(root), point: plain(point), fstype, source: plain(source) };
}

/** Spaces and the like are written in octal. */
function plain(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(parseInt(code, 8)));
}

function hostFacts(): BlockRootFacts {
  return {
    mountinfo: Deno.readTextFileSync("/proc/self/mountinfo"),
    exists(path) {
      try {
        Deno.lstatSync(path);
        return true;
      } catch {
        return false;
      }
    },
  };
}
