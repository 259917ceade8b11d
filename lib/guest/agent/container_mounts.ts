import {
  cloneTree,
  createMount,
  type Fd,
  MOUNT_NODEV,
  MOUNT_NOEXEC,
  MOUNT_NOSUID,
  MOUNT_RDONLY,
  O_CREAT,
  O_PATH,
  O_TRUNC,
  O_WRONLY,
  open,
  openInRoot,
  rawSyscall,
  SYS,
  syscall,
  SysError,
} from "../../sys/mod.ts";
import type { MountPlaces } from "./container_root.ts";
import { type EtcFile } from "./etc_files.ts";
import { removeFile, writeFile } from "./guest_files.ts";
import { loadModules } from "./modules.ts";
import type { MountChange, MountSource, PlannedMount } from "./mount_program.ts";
import {
  guestSource,
  memorySource,
  optionsOf,
  sharedSource,
  tmpfsSource,
} from "./mount_sources.ts";
import { type ContainerSpec, Refusal } from "./runtime.ts";
import { isInTree } from "./small_file.ts";

/** All mounts of a container, in order, and what is known of some. */
export interface PlannedMounts {
  mounts: PlannedMount[];
  /** The root directory of its devpts, of which its terminals are. */
  devpts: Fd;
  /** Whether its /dev is the guest's. */
  guestDev: boolean;
  /** Whether its /dev is to be read-only in the end. */
  readOnlyDev: boolean;
}

/** What the kernel has of file systems that it need not have. */
export interface OptionalFileSystems {
  cgroups: boolean;
  hasMqueue: boolean;
}

type SpecMount = ContainerSpec["mounts"][number];

const KERNEL = MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC;
const DEFAULT_SHM = 64 << 20;
/** mount(2) */
const MS_REC = 1 << 14;
/** Whose terminals are seen nowhere else. */
const DEVPTS = ["mode=0620", "ptmxmode=0666", "gid=5"];

/** What a container gets of file systems when the host leaves it to the guest. */
const STANDARD: readonly SpecMount[] = [
  specMount("/proc", "proc", KERNEL),
  specMount("/sys", "sysfs", KERNEL | MOUNT_RDONLY),
  specMount("/sys/fs/cgroup", "cgroup2", KERNEL | MOUNT_RDONLY),
  specMount("/dev", "tmpfs", MOUNT_NOSUID, "mode=755", "size=65536k"),
  specMount("/dev/pts", "devpts", MOUNT_NOSUID | MOUNT_NOEXEC, ...DEVPTS),
  specMount("/dev/shm", "tmpfs", KERNEL, "mode=1777", `size=${DEFAULT_SHM}`),
  specMount("/dev/mqueue", "mqueue", KERNEL),
];

/**
 * Everything that is mounted in a container, in order: what the host asked for or else what every container has, the
 * pod's files of /etc that nothing of the host's takes the place of, and what the host shares beside.
 */
export async function planMounts(
  spec: ContainerSpec,
  root: Fd,
  etc: readonly EtcFile[],
  places: MountPlaces,
  kernel: OptionalFileSystems,
): Promise<PlannedMounts> {
  const given = spec.mounts.length > 0;
  const layout = (given ? spec.mounts : STANDARD)
    .map((each) => ({ ...each, path: checked(each.path) }))
    .filter((each) => isThere(each, kernel, given ? places.warnings : []));
  const devpts = places.held.use(newDevpts(layout));
  const mounts: PlannedMount[] = [];
  for (const each of layout) {
    const { path } = each;
    const guests = path === "/dev" && spec.systemMountsInfo.bindMountDev;
    const source = guests
      ? guestSource("/dev", places)
      : await sourceOf(each, spec, root, devpts, places);
    const make = !given || isToMake(root, path, mounts);
    mounts.push({ path, source, make, changes: changesOf(each, source) });
  }
  mounts.push(...etcMounts(spec, root, etc, places));
  const dev = layout.find(({ path }) => path === "/dev");
  await addShared(mounts, spec, root, places);
  return {
    mounts,
    devpts,
    guestDev: spec.systemMountsInfo.bindMountDev || dev?.type === "bind",
    readOnlyDev: dev !== undefined && dev.type !== "bind" && (dev.set & MOUNT_RDONLY) !== 0,
  };
}

/** The mounts of a container that has some of them already, and asks for no others in their place. */
export async function planFurtherMounts(
  spec: ContainerSpec,
  root: Fd,
  etc: readonly EtcFile[],
  places: MountPlaces,
  { mounts: made, devpts }: { mounts: readonly PlannedMount[]; devpts: Fd },
): Promise<PlannedMounts> {
  const mounts = [...made, ...etcMounts(spec, root, etc, places)];
  await addShared(mounts, spec, root, places);
  return { mounts, devpts: places.held.use(devpts), guestDev: false, readOnlyDev: false };
}

/** What a container gets of file systems when the host leaves it to the guest, and a devpts for it. */
export function standardMounts(
  kernel: OptionalFileSystems,
): { mounts: PlannedMount[]; devpts: Fd } {
  const devpts = newDevpts(STANDARD);
  const mounts = STANDARD.filter((each) => isThere(each, kernel, [])).map((mount): PlannedMount => {
    const { path, type, options, source, set } = mount;
    if (type !== "devpts") loadModules(type);
    const from: MountSource = type === "devpts"
      ? { kind: "tree", tree: devpts.number, file: false }
      : { kind: "new", type, options, device: source, attributes: set };
    return { path, source: from, make: true, changes: [] };
  });
  return { mounts, devpts };
}

/**
 * A descriptor of what the host maps to `path`, if anything; accounts are looked up in what a container will really
 * see.
 */
export function mappedTree(mounts: readonly PlannedMount[], path: string): number | undefined {
  const source = mounts.findLast((each) => each.path === path)?.source;
  return source?.kind === "tree" ? source.tree : undefined;
}

function specMount(path: string, type: string, set: number, ...options: string[]): SpecMount {
  const nothing = { clear: 0, setBelow: 0, clearBelow: 0, propagation: 0 };
  const plain = { fsmap: -1, source: "", sharedAs: "", copyUp: false };
  return { path, type, set, options, ...nothing, ...plain };
}

async function sourceOf(
  mount: SpecMount,
  spec: ContainerSpec,
  root: Fd,
  devpts: Fd,
  places: MountPlaces,
): Promise<MountSource> {
  const { path, type, fsmap, source, set } = mount;
  if (type === "bind") {
    if (fsmap < 0) return guestSource(source, places);
    const shared = spec.fsmap[fsmap];
    if (!shared) throw new Refusal(`Cannot mount on ${path}: nothing is shared as ${fsmap}`);
    return await sharedSource(shared, places);
  }
  if (type === "devpts") return { kind: "tree", tree: devpts.number, file: false };
  // What goes into a read-only /dev comes first.
  const attributes = path === "/dev" ? set & ~MOUNT_RDONLY : set;
  const options = path === "/dev/shm" ? withSize(mount, spec) : mount.options;
  if (type === "tmpfs") {
    return memorySource({ ...mount, set: attributes, options }, root, places);
  }
  loadModules(type);
  return { kind: "new", type, options, device: source, attributes };
}

/** A size that the host gives for /dev/shm on its own goes before that of its mount. */
function withSize({ options }: SpecMount, { systemMountsInfo }: ContainerSpec): string[] {
  const { devShmSize } = systemMountsInfo;
  if (devShmSize === 0) return options;
  return [...options.filter((each) => !each.startsWith("size=")), `size=${devShmSize}`];
}

/** A new file system has its attributes from the start; other mounts get them, and all get their propagation. */
function changesOf(mount: SpecMount, source: MountSource): MountChange[] {
  const { clear, setBelow, clearBelow } = mount;
  const isNew = source.kind === "new" || mount.path === "/dev" && mount.type !== "bind";
  const set = isNew ? 0 : mount.set;
  const recursive = (mount.propagation & MS_REC) !== 0;
  const propagation = mount.propagation & ~MS_REC;
  const changes = [
    { set, clear: isNew ? 0 : clear, propagation: 0, recursive: false },
    { set: setBelow, clear: clearBelow, propagation: 0, recursive: true },
    { set: 0, clear: 0, propagation, recursive },
  ];
  return changes.filter((each) => each.set !== 0 || each.clear !== 0 || each.propagation !== 0);
}

function isThere(
  { path, type }: SpecMount,
  { cgroups, hasMqueue }: OptionalFileSystems,
  warnings: string[],
): boolean {
  const lacks = type === "mqueue" && !hasMqueue || type === "cgroup2" && !cgroups;
  if (lacks) warnings.push(`nothing is mounted on ${path}: the VM's kernel has no ${type}`);
  return !lacks;
}

function etcMounts(
  spec: ContainerSpec,
  root: Fd,
  etc: readonly EtcFile[],
  places: MountPlaces,
): PlannedMount[] {
  return etcOf(spec, etc).flatMap(({ name, text, needed }): PlannedMount[] => {
    const path = `/etc/${name}`;
    const make = isMissing(root, path);
    if (make && !needed) return [];
    const file = `${places.directory()}/${name}`;
    writeFile(file, text);
    places.held.defer(() => removeFile(file));
    using found = open(file, O_PATH);
    const tree = places.held.use(cloneTree(found.number, file)).number;
    return [{ path, source: { kind: "tree", tree, file: true }, make, changes: [] }];
  });
}

/** Writes the pod's files of /etc into a root that is the container's alone. */
export function writeEtc(spec: ContainerSpec, root: Fd, etc: readonly EtcFile[]): void {
  for (const { name, text, needed } of etcOf(spec, etc)) {
    const path = `/etc/${name}`;
    if (!needed && isMissing(root, path)) continue;
    const bytes = new TextEncoder().encode(text);
    using file = openInRoot(root.number, path, O_WRONLY | O_CREAT, 0o644);
    // Cutting it takes the kernel long, and what is there is shorter as a rule.
    if (sizeOf(file) > bytes.length) openInRoot(root.number, path, O_WRONLY | O_TRUNC).close();
    const written = rawSyscall(SYS.pwrite64, file.number, bytes, bytes.length, 0);
    if (written < 0) throw new SysError("write", path, -written);
  }
}

function sizeOf({ number }: Fd): number {
  const SEEK_END = 2;
  return syscall("lseek", "a file", SYS.lseek, number, 0, SEEK_END);
}

/** Those that nothing of the host's takes the place of. */
function etcOf(spec: ContainerSpec, etc: readonly EtcFile[]): EtcFile[] {
  const taken = [...spec.fsmap, ...spec.mounts].map(({ path }) => normal(path));
  return etc.filter(({ name }) => !taken.includes(`/etc/${name}`));
}

/** What is shared and has no place among the host's mounts, parents before what is below them. */
async function addShared(
  mounts: PlannedMount[],
  spec: ContainerSpec,
  root: Fd,
  places: MountPlaces,
): Promise<void> {
  const placed = new Set(spec.mounts.map(({ fsmap }) => fsmap));
  const rest = spec.fsmap.filter((_, index) => !placed.has(index));
  for (const each of [...spec.tmpfs, ...rest].sort((a, b) => depth(a) - depth(b))) {
    const path = checked(each.path);
    const make = isToMake(root, path, mounts);
    if ("size" in each) {
      mounts.push({ path, source: tmpfsSource(each), make, changes: [] });
      continue;
    }
    const source = await sharedSource(each, places);
    const readOnly = { set: MOUNT_RDONLY, clear: 0, propagation: 0, recursive: true };
    mounts.push({ path, source, make, changes: each.readOnly ? [readOnly] : [] });
  }
}

/** An instance of the container's own, with the options that the host has for it. */
function newDevpts(layout: readonly SpecMount[]): Fd {
  const { options, set } = layout.find(({ type }) => type === "devpts") ??
    specMount("/dev/pts", "devpts", MOUNT_NOSUID | MOUNT_NOEXEC, ...DEVPTS);
  return createMount("devpts", optionsOf(options), set);
}

/** Below another mount, or in the container's own /dev, the root says nothing about a path. */
function isToMake(root: Fd, path: string, mounts: readonly PlannedMount[]): boolean {
  return mounts.some((other) => path.startsWith(`${other.path}/`)) || isMissing(root, path);
}

function isMissing(root: Fd, path: string): boolean {
  return !isInTree(root.number, path);
}

function checked(path: string): string {
  const whole = normal(path);
  if (whole === "/") throw new Refusal("Cannot mount on /: it is the root of the container");
  return whole;
}

function depth({ path }: { path: string }): number {
  return normal(path).split("/").length;
}

/** An absolute path without empty parts and single dots. */
export function normal(path: string): string {
  return "/" + path.split("/").filter((each) => each !== "" && each !== ".").join("/");
}
