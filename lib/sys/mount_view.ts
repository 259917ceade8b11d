/**
 * What others see who join a process's mount namespace, while the process itself goes on seeing the host.
 *
 * Container engines copy files into a container by joining the mount namespace of the process that stands for it, and
 * take what they find at its root for the container's. For a container in a VM that process is the shim.
 */
import type { ChildProgram } from "./child_program.ts";
import type { Result } from "./operation.ts";
import { AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_PATH, O_RDONLY } from "./fd.ts";
import { cString } from "./memory.ts";
import {
  MOUNT,
  MOUNT_NODEV,
  MOUNT_NOEXEC,
  MOUNT_NOSUID,
  MOUNT_RDONLY,
  mountAttributes,
} from "./mount_tree.ts";
import { GATE_FLAGS } from "./gate_numbers.ts";
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
  /**
   * An empty file system at /proc, and a gate for it (`open_gate.ts`): the numbers that descriptors of the gate and of
   * the file system are to have. Where the kernel does not let it be so, they are of no use.
   */
  gatedProc?: { gate: number; root: number };
}

/** Descriptors in the making. */
interface Gated {
  gate: Result;
  root: Result;
}

/** Three pages for each process of the longest list, and as many again. */
const PROC_OPTIONS = { mode: "0555", size: "32m" };
/** Where descriptors are out of the way of those that are laid on low numbers. */
const HIGH = 100;
const F_DUPFD_CLOEXEC = 1030;

/**
 * Adds calls that give a process a mount namespace whose root is the view's. The process's own root and working
 * directory stay in the namespace that it came from, out of reach for those who join.
 */
export function enterView(program: ChildProgram, view: MountView): Gated | undefined {
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
  const gated = view.gatedProc ? mountGated(program, root) : undefined;
  program.call("fchdir", view.root, SYS.fchdir, root);
  program.call("pivot_root", view.root, SYS.pivot_root, here, here);
  program.call("umount", "the host's mounts", SYS.umount2, here, MOUNT.MNT_DETACH);
  program.call("fchdir", "the host's root", SYS.fchdir, host);
  program.call("chroot", "the host's root", SYS.chroot, here);
  return gated;
}

/** Adds calls that lay the descriptors of a gate and its file system where the view wants them. */
export function passGate(
  program: ChildProgram,
  { gate, root }: Gated,
  wanted: { gate: number; root: number },
): void {
  const high = (from: Result) =>
    program.attempt("fcntl", "descriptor", SYS.fcntl, from, F_DUPFD_CLOEXEC, HIGH);
  const moved = [[high(root), wanted.root], [high(gate), wanted.gate]] as const;
  for (const [from, to] of moved) {
    program.attempt("dup3", `descriptor ${to}`, SYS.dup3, from, to, 0);
  }
}

/** What cannot be done is left out: nobody is shown anything then. */
function mountGated(program: ChildProgram, root: Result): Gated {
  const { FSOPEN_CLOEXEC, FSMOUNT_CLOEXEC, FSCONFIG_SET_STRING, FSCONFIG_CMD_CREATE } = MOUNT;
  const empty = program.keep(cString(""));
  const proc = program.keep(cString("proc"));
  const type = cString("tmpfs");
  const context = program.attempt("fsopen", "tmpfs", SYS.fsopen, type, FSOPEN_CLOEXEC);
  const configure = (command: number, key: Uint8Array | number, value: Uint8Array | number) =>
    program.attempt("fsconfig", "tmpfs", SYS.fsconfig, context, command, key, value, 0);
  for (const [key, value] of Object.entries(PROC_OPTIONS)) {
    configure(FSCONFIG_SET_STRING, cString(key), cString(value));
  }
  configure(FSCONFIG_CMD_CREATE, 0, 0);
  const attributes = MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC;
  const mount = program.attempt(
    "fsmount",
    "tmpfs",
    SYS.fsmount,
    context,
    FSMOUNT_CLOEXEC,
    attributes,
  );
  const gate = program.attempt("fanotify_init", "a gate", SYS.fanotify_init, GATE_FLAGS, O_RDONLY);
  // Whoever makes the container in its guest makes it, too, where an image has none.
  program.attempt("mkdir", "/proc", SYS.mkdirat, root, proc, 0o555);
  program.attempt("move_mount", "/proc", SYS.move_mount, mount, empty, root, proc, F_EMPTY_PATH);
  return { gate, root: mount };
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
