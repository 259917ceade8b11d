import { isAbsolute, resolve } from "@std/path";
import { Failure } from "../failure.ts";
import type { GuestMount } from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import type { VolumeConfig } from "../pod/mod.ts";
import { type MountOptions, readMountOptions } from "./mount_options.ts";
import { overlayOf } from "./overlay.ts";
import { sharedMemoryOf } from "./shared_memory.ts";
import type { SpecMount } from "./spec.ts";

/** What the mounts of a bundle come to: what of the host is shared, and what is mounted, in order. */
export interface PlannedMounts {
  volumes: VolumeConfig[];
  mounts: GuestMount[];
}

/** MOUNT_ATTR_… */
const RDONLY = 1, NOSUID = 2, NODEV = 4, NOEXEC = 8;
/** mount(2), MS_… */
const MS_SLAVE = 1 << 19, MS_SHARED = 1 << 20;
const KERNEL = NOSUID | NODEV | NOEXEC;

/** What every container has (runtime-spec 1.1, config-linux.md, "Default Filesystems"), with the /dev that it is in. */
const DEFAULTS: readonly GuestMount[] = [
  { path: "/proc", type: "proc", set: KERNEL },
  { path: "/sys", type: "sysfs", set: KERNEL | RDONLY },
  { path: "/dev", type: "tmpfs", set: NOSUID, options: ["mode=755", "size=65536k"] },
  {
    path: "/dev/pts",
    type: "devpts",
    set: NOSUID | NOEXEC,
    options: ["ptmxmode=0666", "mode=0620", "gid=5"],
  },
  { path: "/dev/shm", type: "tmpfs", set: KERNEL, options: ["mode=1777", "size=65536k"] },
];

/** What these show of the host makes sense in the VM only as what its own kernel has there. */
const KERNEL_TREES = ["/proc", "/sys", "/dev"];
/** The guest's kernel knows version 2 alone. */
const TYPES: Readonly<Record<string, string>> = { cgroup: "cgroup2" };

/**
 * Plans the mounts of a bundle. Files and directories of the host are shared with the VM; all else is made in it.
 *
 * @param directory of the bundle, below which relative sources are
 * @throws {Failure} naming the mount that cannot be had
 */
export async function planMounts(
  directory: string,
  given: readonly SpecMount[],
): Promise<PlannedMounts> {
  const volumes: VolumeConfig[] = [];
  const mounts: GuestMount[] = [];
  for (const mount of given) {
    const path = normal(mount.destination ?? "");
    if (path === "/") throw cannot(mount, "a mount needs a place below /");
    const options = readMountOptions(mount.options ?? []);
    check(mount, options);
    mounts.push(await planMount({ ...mount, destination: path }, options, directory, volumes));
  }
  return { volumes, mounts: withDefaults(mounts) };
}

async function planMount(
  mount: SpecMount & { destination: string },
  options: MountOptions,
  directory: string,
  volumes: VolumeConfig[],
): Promise<GuestMount> {
  const { destination: path, type = "", source = "" } = mount;
  const bind = type === "bind" || options.bind !== "no";
  const common = { path, ...attributesOf(options) };
  if (type === "overlay") {
    volumes.push(overlayOf(path, resolve(directory), options.data, cannotBe(mount)));
    return { ...common, type: "bind", fsmap: volumes.length - 1 };
  }
  if (!bind) {
    return {
      ...common,
      type: TYPES[type] ?? (type || "none"),
      ...(source === "" || source === type ? {} : { source }),
      ...(options.data.length === 0 ? {} : { options: options.data }),
      ...(options.copyUp ? { copyUp: true } : {}),
    };
  }
  const host = isAbsolute(source) ? source : resolve(directory, source);
  const memory = path === "/dev/shm" ? await sharedMemoryOf(host) : undefined;
  if (memory) return { ...common, type: "tmpfs", ...memory };
  if (await isKernels(host)) return { ...common, type: "bind", source: normal(host) };
  volumes.push({
    source: host,
    destination: path,
    readOnly: ((options.set | options.setBelow) & RDONLY) !== 0,
    ...(options.bind === "bind" ? { recursive: false } : {}),
    ...(followsHost(mount, options) ? { propagation: "rslave" } : {}),
  });
  return { ...common, type: "bind", fsmap: volumes.length - 1 };
}

/** Whether what the host mounts below a source later is to be seen. */
function followsHost({ destination }: SpecMount, { propagation }: MountOptions): boolean {
  if ((propagation & MS_SHARED) !== 0) {
    getLogger("oci").warn("mounts made below a volume in the VM are not seen on the host", {
      destination,
    });
  }
  return (propagation & (MS_SHARED | MS_SLAVE)) !== 0;
}

/** The attributes that say something. */
function attributesOf(options: MountOptions): Partial<GuestMount> {
  const { set, clear, setBelow, clearBelow, propagation } = options;
  const said = Object.entries({ set, clear, setBelow, clearBelow, propagation });
  return Object.fromEntries(said.filter(([, value]) => value !== 0));
}

function check(mount: SpecMount, { refused, ignored }: MountOptions): void {
  const mapped = (mount.uidMappings?.length ?? 0) + (mount.gidMappings?.length ?? 0) > 0;
  if (refused !== undefined || mapped) {
    throw cannot(mount, "mapping users of a mount is not supported");
  }
  if (ignored.length === 0) return;
  getLogger("oci").warn("options of a mount left out: they have no meaning in the VM", {
    destination: mount.destination,
    options: ignored.join(),
  });
}

/** Each default that the bundle does not have itself goes right behind what it is mounted in. */
function withDefaults(given: readonly GuestMount[]): GuestMount[] {
  const mounts = [...given];
  const dev = given.find(({ path }) => path === "/dev");
  let [front, below] = [0, 0];
  for (const each of DEFAULTS) {
    if (mounts.some(({ path }) => path === each.path)) continue;
    const inDev = each.path.startsWith("/dev/");
    if (inDev && dev?.type === "bind") continue;
    const at = inDev ? mounts.findIndex(({ path }) => path === "/dev") + ++below : front++;
    mounts.splice(at, 0, { ...each });
  }
  return mounts;
}

/** Whether a source is part of the kernel's own trees, or a node of a device: neither can be shared as a file. */
async function isKernels(path: string): Promise<boolean> {
  const whole = normal(path);
  // Memory that is shared by way of a file is one that can be shared.
  if (whole.startsWith("/dev/shm/")) return false;
  if (KERNEL_TREES.some((tree) => whole === tree || whole.startsWith(`${tree}/`))) return true;
  const info = await Deno.stat(path).catch(() => undefined);
  return info?.isCharDevice === true || info?.isBlockDevice === true;
}

/** An absolute path without empty parts, single and double dots. */
export function normal(path: string): string {
  return resolve("/", path);
}

function cannot(mount: SpecMount, why: string): Failure {
  return new Failure(`Cannot mount on ${mount.destination || "(nowhere)"}: ${why}`);
}

function cannotBe(mount: SpecMount): (why: string) => Failure {
  return (why) => cannot(mount, why);
}
