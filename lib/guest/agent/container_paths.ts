import type { Fd } from "../../sys/mod.ts";
import { exists, isDirectory } from "./guest_files.ts";
import type { ContainerPath, PlannedMount } from "./mount_program.ts";
import { tryOpenInTree } from "./small_file.ts";

/** Where containers see the same as the guest itself. */
const KERNEL_TREES = ["/proc/", "/sys/"];

let known: Map<string, ContainerPath["kind"] | "absent"> | undefined;

/**
 * What is at paths that are to be hidden or made read-only; those that are not there are left out. What lies in other
 * mounts is only seen from within the container.
 */
export function lookUpPaths(
  paths: readonly string[],
  root: Fd,
  mounts: readonly PlannedMount[],
): ContainerPath[] {
  return paths.flatMap((path) => {
    const kind = kindAt(path, root, mounts);
    return kind === "absent" ? [] : [{ path, kind }];
  });
}

function kindAt(
  path: string,
  root: Fd,
  mounts: readonly PlannedMount[],
): ContainerPath["kind"] | "absent" {
  if (KERNEL_TREES.some((tree) => path.startsWith(tree))) return kernelKind(path);
  if (mounts.some((each) => path === each.path || path.startsWith(`${each.path}/`))) {
    return "unknown";
  }
  using found = tryOpenInTree(root.number, path);
  if (!found) return "absent";
  return isDirectory(found.number) ? "directory" : "file";
}

/** The same for all containers, which mostly ask for the same. */
export function kernelKind(path: string): ContainerPath["kind"] | "absent" {
  known ??= new Map();
  const kind = known.get(path) ??
    (!exists(path) ? "absent" : exists(`${path}/.`) ? "directory" : "file");
  known.set(path, kind);
  return kind;
}
