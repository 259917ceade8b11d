/** What the options of a mount say (runtime-spec 1.1, config.md, "Linux mount options"). */
export interface MountOptions {
  /** MOUNT_ATTR_… to set and to clear, on the mount and on all below it. */
  set: number;
  clear: number;
  setBelow: number;
  clearBelow: number;
  /** MS_… of propagation; 0: not said. */
  propagation: number;
  bind: "no" | "bind" | "rbind";
  copyUp: boolean;
  /** Those of the file system. */
  data: string[];
  /** Those that cannot be had here. */
  ignored: string[];
  /** One without which the mount would be another. */
  refused: string | undefined;
}

/** linux/mount.h, MOUNT_ATTR_…; the access times are one field of two bits. */
const RDONLY = 1, NOSUID = 2, NODEV = 4, NOEXEC = 8, ATIME = 0x70, NOATIME = 0x10;
const STRICTATIME = 0x20, NODIRATIME = 0x80, NOSYMFOLLOW = 0x200000;

/** Attributes that an option clears and sets, in this order. */
const ATTRIBUTES: Readonly<Record<string, readonly [clear: number, set: number]>> = {
  ro: [0, RDONLY],
  rw: [RDONLY, 0],
  nosuid: [0, NOSUID],
  suid: [NOSUID, 0],
  nodev: [0, NODEV],
  dev: [NODEV, 0],
  noexec: [0, NOEXEC],
  exec: [NOEXEC, 0],
  nodiratime: [0, NODIRATIME],
  diratime: [NODIRATIME, 0],
  nosymfollow: [0, NOSYMFOLLOW],
  symfollow: [NOSYMFOLLOW, 0],
  noatime: [ATIME, NOATIME],
  strictatime: [ATIME, STRICTATIME],
  relatime: [ATIME, 0],
  // The kernel's default takes their place.
  atime: [ATIME, 0],
  norelatime: [ATIME, 0],
  nostrictatime: [ATIME, 0],
};

/** mount(2), MS_… */
const MS_REC = 1 << 14;
const PROPAGATION: Readonly<Record<string, number>> = {
  unbindable: 1 << 17,
  private: 1 << 18,
  slave: 1 << 19,
  shared: 1 << 20,
};

/** Options of every file system, which the kernel takes as those of this one. */
const SUPERBLOCK = ["sync", "dirsync", "lazytime", "mand"];
/** Say what holds anyway, or only concern how mounting is told. */
const NOTHING = ["defaults", "async", "nolazytime", "nomand", "silent", "loud", "newinstance"]
  .concat(["nofail", "_netdev", "auto", "noauto", "user", "nouser"]);
const REFUSED = ["idmap", "ridmap"];
const IGNORED = ["remount", "iversion", "noiversion", "acl", "noacl"]
  .concat(["copy-symlink", "src-nofollow", "dest-nofollow"]);
/** Labels of SELinux, which the guest's kernel does not use. */
const LABELS = ["context=", "fscontext=", "defcontext=", "rootcontext="];

/** The names of all options that are honoured, in order. */
export const MOUNT_OPTIONS: readonly string[] = [
  ...Object.keys(ATTRIBUTES).flatMap((name) => [name, `r${name}`]),
  ...Object.keys(PROPAGATION).flatMap((name) => [name, `r${name}`]),
  ...SUPERBLOCK,
  ...["async", "bind", "defaults", "loud", "nolazytime", "nomand", "rbind", "silent", "tmpcopyup"],
].sort();

/** Reads the options of a mount; of options that contradict each other, the last holds. */
export function readMountOptions(options: readonly string[]): MountOptions {
  const all: MountOptions = {
    set: 0,
    clear: 0,
    setBelow: 0,
    clearBelow: 0,
    propagation: 0,
    bind: "no",
    copyUp: false,
    data: [],
    ignored: [],
    refused: undefined,
  };
  for (const option of options) readOption(option, all);
  return all;
}

function readOption(option: string, all: MountOptions): void {
  const below = option.startsWith("r") ? option.slice(1) : "";
  if (Object.hasOwn(ATTRIBUTES, option)) {
    const [clear, set] = ATTRIBUTES[option]!;
    all.set = all.set & ~clear | set;
    all.clear = all.clear & ~set | clear;
  } else if (Object.hasOwn(ATTRIBUTES, below)) {
    const [clear, set] = ATTRIBUTES[below]!;
    all.setBelow = all.setBelow & ~clear | set;
    all.clearBelow = all.clearBelow & ~set | clear;
  } else if (Object.hasOwn(PROPAGATION, option)) all.propagation = PROPAGATION[option]!;
  else if (Object.hasOwn(PROPAGATION, below)) all.propagation = PROPAGATION[below]! | MS_REC;
  else if (option === "bind" || option === "rbind") all.bind = option;
  else if (option === "tmpcopyup") all.copyUp = true;
  else if (REFUSED.includes(option)) all.refused = option;
  else if (IGNORED.includes(option) || LABELS.some((each) => option.startsWith(each))) {
    all.ignored.push(option);
  } else if (SUPERBLOCK.includes(option) || !NOTHING.includes(option)) all.data.push(option);
}
