import {
  AT_FDCWD,
  ChildProgram,
  cString,
  MOUNT,
  MOUNT_NODEV,
  MOUNT_NOSUID,
  O_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  O_TRUNC,
  O_WRONLY,
  Result,
  SYS,
} from "../../sys/mod.ts";
import {
  attach,
  attachPlanned,
  change,
  type ContainerPath,
  makeDirectories,
  makeReadOnly,
  mask,
  newMount,
  openTree,
  type PlannedMount,
  setReadOnly,
} from "./mount_program.ts";
import { joinNamespaces, type NamespacePlan } from "./namespaces.ts";
import { openProc } from "./process_settings.ts";
import {
  becomeProcess,
  joinCgroup,
  prepareProcess,
  PRIVATE,
  type ProcessPlan,
} from "./process_program.ts";
import type { ContainerSpec } from "./runtime.ts";
import type { StartHooks } from "./start_hooks.ts";

/** Everything about a container that is known before it starts. */
export interface ContainerPlan {
  /** The root: a mount attached nowhere. Nothing: the process is in its root already. */
  root: number | undefined;
  /** Root directory of its devpts, attached nowhere. */
  devpts: number;
  /** `cgroup.procs` of its cgroup, if there are cgroups. */
  procs: number | undefined;
  namespaces: NamespacePlan;
  /** Names of its own; empty: the pod's. */
  hostname: string;
  domainname: string;
  /** In order. */
  mounts: readonly PlannedMount[];
  /** Whether /dev is the guest's, where nodes are already. */
  guestDev: boolean;
  /** Whether /dev becomes read-only when all is in it. */
  readOnlyDev: boolean;
  /** Nodes beside those that every container has. */
  devices: ContainerSpec["devices"];
  /** Paths that are hidden. */
  masked: readonly ContainerPath[];
  /** Paths that become read-only. */
  readOnlyPaths: readonly ContainerPath[];
  readOnlyRoot: boolean;
  /** MS_… for the root; 0: private. */
  propagation: number;
  sysctl: Readonly<Record<string, string>>;
  /** The working directory has to be made. */
  makeWorkdir: boolean;
  process: ProcessPlan;
  /** It waits before its program is executed. */
  held: boolean;
}

/** linux/prctl.h */
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
/** Where the root is attached. */
const ROOT_PLACE = "/run";
/** What there is of a root before the container's is known. */
const EMPTY_ROOT = {
  kind: "new",
  type: "tmpfs",
  options: ["size=64k", "mode=755"],
  device: "",
  attributes: MOUNT_NOSUID | MOUNT_NODEV,
} as const;

/** A root that is to be written to, as that of a share is. */
const ROOT_IN_MEMORY = { ...EMPTY_ROOT, options: ["mode=755"], attributes: MOUNT_NODEV } as const;

const S_IFREG = 0o100000, S_IFCHR = 0o20000, S_IFIFO = 0o10000;

/** Nodes of /dev that every container has: major and minor number. */
const NODES: readonly (readonly [string, number, number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

const LINKS: readonly (readonly [string, string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
];

/**
 * The calls that turn a child in new namespaces into a container's first process. The root is entered and the guest's
 * own tree let go of before anything in the container is looked up, so that no link in it can lead outside.
 */
export function containerProgram(plan: ContainerPlan, hooks?: StartHooks): ChildProgram {
  const program = new ChildProgram();
  const proc = openProc(program, plan.process.settings);
  if (plan.procs !== undefined) joinCgroup(program, plan.procs, true);
  joinNamespaces(program, plan.namespaces);
  setName(program, "sethostname", SYS.sethostname, plan.hostname);
  setName(program, "setdomainname", SYS.setdomainname, plan.domainname);
  program.call("umask", "0", SYS.umask, 0);
  program.call("mount", "/", SYS.mount, 0, cString("/"), 0, PRIVATE, 0);
  enterRoot(program, plan.root!, []);
  for (const each of plan.mounts) {
    const tree = attachPlanned(program, each);
    if (each.path === "/dev") fillDev(program, tree, plan.guestDev);
  }
  finishContainer(program, plan, proc, hooks, false);
  return program;
}

/** What is made for a container that is not known yet. */
export interface ParkedPlan {
  /** Directory of the guest that its root is a copy of. Nothing: the root is empty, and for another to take its place. */
  content: string | undefined;
  procs: number | undefined;
  /** In order; of those that are not below another one the program tells where they are then. */
  mounts: readonly PlannedMount[];
  masked: readonly ContainerPath[];
  readOnlyPaths: readonly ContainerPath[];
}

/**
 * The first calls of a container's program, for one of the ordinary kind: its mounts are made in an empty root, and the
 * guest's own tree is let go of.
 *
 * @returns the mounts to be taken along into the container's root
 */
export function parkedProgram(
  plan: ParkedPlan,
): { program: ChildProgram; root: Result; made: PlannedMount[]; kept: Result[] } {
  const program = new ChildProgram();
  program.call("prctl", "die with the agent", SYS.prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  program.call("umask", "0", SYS.umask, 0);
  program.call("mount", "/", SYS.mount, 0, cString("/"), 0, PRIVATE, 0);
  const root = newMount(program, plan.content === undefined ? EMPTY_ROOT : ROOT_IN_MEMORY);
  attach(program, root, AT_FDCWD, ROOT_PLACE);
  if (plan.content !== undefined) copy(program, plan.content, ROOT_PLACE);
  // What it has so far is nobody's yet.
  if (plan.procs !== undefined) joinCgroup(program, plan.procs, true);
  pivot(program, root, []);
  makeDirectories(program, ROOT_PLACE);
  const made: PlannedMount[] = [];
  const kept: Result[] = [];
  for (const each of plan.mounts) {
    const { path } = each;
    const tree = attachPlanned(program, each);
    if (path === "/dev") fillDev(program, tree, false);
    if (!(tree instanceof Result) || made.some((other) => path.startsWith(`${other.path}/`))) {
      continue;
    }
    made.push({ path, source: { kind: "made", tree }, make: true, changes: [] });
    kept.push(tree);
  }
  for (const each of plan.masked) mask(program, each);
  for (const each of plan.readOnlyPaths) makeReadOnly(program, each);
  prepareProcess(program);
  return { program, root, made, kept };
}

/** The other calls, when the container is known. */
export function addToParked(program: ChildProgram, plan: ContainerPlan): void {
  const isMade = ({ source }: PlannedMount) => source.kind === "made";
  program.call("prctl", "live on", SYS.prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0);
  const proc = openProc(program, plan.process.settings);
  setName(program, "sethostname", SYS.sethostname, plan.hostname);
  setName(program, "setdomainname", SYS.setdomainname, plan.domainname);
  if (plan.root !== undefined) enterRoot(program, plan.root, plan.mounts.filter(isMade));
  for (const each of plan.mounts) if (!isMade(each)) attachPlanned(program, each);
  finishContainer(program, plan, proc, undefined, true);
}

/** What comes when all is mounted. */
function finishContainer(
  program: ChildProgram,
  plan: ContainerPlan,
  proc: Result | undefined,
  hooks: StartHooks | undefined,
  isParked: boolean,
): void {
  makeConsole(program, plan);
  for (const each of plan.devices) makeDevice(program, each);
  if (plan.readOnlyDev) setReadOnly(program, AT_FDCWD, "/dev");
  for (const [key, value] of Object.entries(plan.sysctl)) writeSysctl(program, key, value);
  for (const each of plan.masked) mask(program, each);
  for (const each of plan.readOnlyPaths) makeReadOnly(program, each);
  if (plan.makeWorkdir) makeDirectories(program, plan.process.workdir);
  if (plan.readOnlyRoot) setReadOnly(program, AT_FDCWD, "/");
  if (plan.propagation !== 0) propagate(program, plan.propagation);
  becomeProcess(program, plan.process, proc, hooks, plan.held, isParked);
}

function setName(program: ChildProgram, call: string, number: number, name: string): void {
  if (name === "") return;
  const text = new TextEncoder().encode(name);
  program.call(call, name, number, text, text.length);
}

/**
 * The mount of the root covers a directory that is out of sight a moment later.
 *
 * @param taken mounts below the old root that are moved to their places in the new one
 */
function enterRoot(
  program: ChildProgram,
  root: number | Result,
  taken: readonly PlannedMount[],
): void {
  attach(program, root, AT_FDCWD, ROOT_PLACE);
  pivot(program, root, taken);
}

function pivot(
  program: ChildProgram,
  root: number | Result,
  taken: readonly PlannedMount[],
): void {
  const here = program.keep(cString("."));
  program.call("fchdir", "the root", SYS.fchdir, root);
  program.call("pivot_root", "the root", SYS.pivot_root, here, here);
  for (const each of taken) attachPlanned(program, each);
  program.call("umount", "the old root", SYS.umount2, here, MOUNT.MNT_DETACH);
  program.call("chdir", "/", SYS.chdir, cString("/"));
}

/** By a program: what would be one call for each file here is none. */
function copy(program: ChildProgram, from: string, to: string): void {
  program.runFirst("copy", from, (copier) => {
    copier.exec("/bin/busybox", ["cp", "-a", `${from}/.`, to], []);
  });
}

/** Nodes and links of a /dev; in the guest's own much of it is there. */
function fillDev(program: ChildProgram, dev: Result | number, guests: boolean): void {
  for (const [name, major, minor] of guests ? [] : NODES) {
    makeNode(program, dev, name, S_IFCHR | 0o666, major, minor);
  }
  for (const [name, target] of LINKS) {
    const text = cString(target);
    program.attempt("symlink", `/dev/${name}`, SYS.symlinkat, text, dev, cString(name));
  }
}

function makeConsole(program: ChildProgram, plan: ContainerPlan): void {
  const { terminal } = plan.process.stdio;
  if (terminal === undefined) return;
  const flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
  const dev = program.call("open", "/dev", SYS.openat, AT_FDCWD, cString("/dev"), flags, 0);
  if (!plan.guestDev) makeNode(program, dev, "console", S_IFREG | 0o666);
  attach(program, openTree(program, plan.devpts, terminal), dev, "console");
}

function makeDevice(
  program: ChildProgram,
  { path, type, major, minor, mode, uid, gid }: ContainerSpec["devices"][number],
): void {
  makeDirectories(program, path.slice(0, path.lastIndexOf("/")));
  const kind = type === "p" ? S_IFIFO : S_IFCHR;
  makeNode(program, AT_FDCWD, path, kind | mode, major, minor);
  if (uid === 0 && gid === 0) return;
  program.call("chown", path, SYS.fchownat, AT_FDCWD, cString(path), uid, gid, 0);
}

/** @param mode its kind and its permissions */
function makeNode(
  program: ChildProgram,
  directory: Result | number,
  name: string,
  mode: number,
  major = 0,
  minor = 0,
): void {
  // linux/kdev_t.h, new_encode_dev
  const device = minor & 0xff | major << 8 | (minor & ~0xff) << 12;
  program.call("mknod", name, SYS.mknodat, directory, cString(name), mode, device >>> 0);
}

/** A key with slashes may have dots in its parts, as interfaces' names do: sysctl(8). */
function writeSysctl(program: ChildProgram, key: string, value: string): void {
  const path = `/proc/sys/${key.includes("/") ? key : key.replaceAll(".", "/")}`;
  const flags = O_WRONLY | O_TRUNC | O_CLOEXEC;
  const fd = program.call("open", path, SYS.openat, AT_FDCWD, cString(path), flags, 0);
  const text = new TextEncoder().encode(value);
  program.call("write", path, SYS.write, fd, text, text.length);
}

function propagate(program: ChildProgram, propagation: number): void {
  const root = program.call("open", "/", SYS.openat, AT_FDCWD, cString("/"), O_PATH | O_CLOEXEC, 0);
  change(program, root, "/", { set: 0, clear: 0, propagation, recursive: false });
}
