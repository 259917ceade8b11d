/**
 * What others see who join a process's mount namespace, while the process itself goes on seeing the host.
 *
 * Container engines copy files into a container by joining the mount namespace of the process that stands for it, and
 * take what they find at its root for the container's. For a container in a VM that process is the shim.
 */
import type { ChildProgram } from "./child_program.ts";
import type { Result } from "./operation.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH } from "./fd.ts";
import { cString } from "./memory.ts";
import { MOUNT, MOUNT_RDONLY, mountAttributes } from "./mount_tree.ts";
import { SYS } from "./numbers.ts";
import { openHow, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "./open_at.ts";

/** linux/sched.h */
const CLONE_NEWNS = 0x20000;
/** linux/mount.h, move_mount(2) */
const F_EMPTY_PATH = 4;

/** A tree of the host, and what is mounted in it. */
export interface MountView {
  /** Directory that is the root of what is seen. */
  root: string;
  readOnly: boolean;
  /** Files and directories of the host that are seen at places in there, where those exist. */
  binds: readonly { source: string; destination: string; readOnly: boolean }[];
}

/**
 * Adds calls that give a process a mount namespace whose root is the view's. The process's own root and working
 * directory stay in the namespace that it came from, out of reach for those who join.
 */
export function enterView(program: ChildProgram, view: MountView): void {
  const none = program.keep(cString("none"));
  const here = program.keep(cString("."));
  const empty = program.keep(cString(""));
  const slash = program.keep(cString("/"));
  // A descriptor of the namespace that is left: it goes on showing what is mounted there.
  const directory = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const host = program.call("open", "/", SYS.openat, AT_FDCWD, slash, directory, 0);
  program.call("unshare", "mount namespace", SYS.unshare, CLONE_NEWNS);
  program.call("mount", "/", SYS.mount, none, slash, 0, MOUNT.MS_REC | MOUNT.MS_PRIVATE, 0);
  const root = cloneTree(program, view.root, view.readOnly);
  const trees = view.binds.map(({ source, destination, readOnly }) => ({
    tree: cloneTree(program, source, readOnly),
    destination,
  }));
  const top = cString(view.root);
  program.call("move_mount", view.root, SYS.move_mount, root, empty, AT_FDCWD, top, F_EMPTY_PATH);
  for (const { tree, destination } of trees) {
    const how = openHow(O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    const place = program.attempt(
      "openat2",
      destination,
      SYS.openat2,
      root,
      cString(destination),
      how,
      how.byteLength,
    );
    const { MOVE_EMPTY_PATHS } = MOUNT;
    program.attempt(
      "move_mount",
      destination,
      SYS.move_mount,
      tree,
      empty,
      place,
      empty,
      MOVE_EMPTY_PATHS,
    );
  }
  program.call("fchdir", view.root, SYS.fchdir, root);
  program.call("pivot_root", view.root, SYS.pivot_root, here, here);
  program.call("umount", "the host's mounts", SYS.umount2, here, MOUNT.MNT_DETACH);
  program.call("fchdir", "the host's root", SYS.fchdir, host);
  program.call("chroot", "the host's root", SYS.chroot, here);
}

function cloneTree(program: ChildProgram, path: string, readOnly: boolean): Result {
  const flags = MOUNT.OPEN_TREE_CLONE | O_CLOEXEC | MOUNT.AT_RECURSIVE;
  const tree = program.call(
    "open_tree",
    path,
    SYS.open_tree,
    AT_FDCWD,
    cString(path),
    flags,
  );
  if (!readOnly) return tree;
  const attributes = mountAttributes(MOUNT_RDONLY);
  const here = MOUNT.AT_EMPTY_PATH | MOUNT.AT_RECURSIVE;
  const length = attributes.byteLength;
  program.call(
    "mount_setattr",
    path,
    SYS.mount_setattr,
    tree,
    cString(""),
    here,
    attributes,
    length,
  );
  return tree;
}
