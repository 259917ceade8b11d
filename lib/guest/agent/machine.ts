import {
  AT_FDCWD,
  attachTree,
  cloneTree,
  cString,
  type Fd,
  mount,
  O_DIRECTORY,
  O_NOCTTY,
  O_PATH,
  O_RDWR,
  O_WRONLY,
  open,
  rawSyscall,
  SYS,
  syscall,
  writeSome,
} from "../../sys/mod.ts";
import { exists, writeFile } from "./guest_files.ts";
import { bringUpLoopback } from "./network.ts";
import { note } from "./note.ts";
import { NOFILE } from "./rlimits.ts";

const PR_SET_DUMPABLE = 4;
const FILES = 1048576n;
const MS_NOSUID = 2, MS_NODEV = 4, MS_NOEXEC = 8;
/** linux/magic.h: RAMFS_MAGIC, TMPFS_MAGIC; statfs(2): the first word is the type. */
const IN_MEMORY = [0x858458f6, 0x01021994];
const STATFS_SIZE = 120;
const KERNEL = MS_NOSUID | MS_NODEV | MS_NOEXEC;

/** Where the agent keeps what it makes. */
export const RUN = "/run/podvisor";
const CGROUPS = "/sys/fs/cgroup";
/** What every container's cgroup counts, whether or not it limits: handed down here, it is in a template already. */
const COUNTING = ["cpu", "memory", "pids"];

/**
 * Makes of a freshly booted machine what containers need. The first stage has mounted /proc, /sys and /dev and loaded
 * the modules; what it left out is made up for where that is possible.
 *
 * @returns where cgroups are, if the kernel has them
 */
export function prepareMachine(): string | undefined {
  // The child that becomes a container's process shares this memory for a moment: nobody in there may look at it.
  rawSyscall(SYS.prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  const limit = new Uint8Array(new BigUint64Array([FILES, FILES]).buffer);
  rawSyscall(SYS.prlimit64, 0, NOFILE, limit, 0);
  mountUnless("/proc", "proc", KERNEL, () => exists("/proc/self"));
  mountUnless("/sys", "sysfs", KERNEL, () => exists("/sys/class"));
  mountUnless("/dev", "devtmpfs", MS_NOSUID, () => exists("/dev/null"));
  takeStdio();
  expediteRcu();
  mountUnless("/run", "tmpfs", MS_NOSUID | MS_NODEV, makeRun, "mode=755");
  makeRun();
  leaveInitialRoot();
  attempt("bring up lo", bringUpLoopback);
  mountUnless(CGROUPS, "cgroup2", KERNEL, () => exists(`${CGROUPS}/cgroup.procs`));
  if (!exists(`${CGROUPS}/cgroup.procs`)) return undefined;
  for (const controller of COUNTING) {
    attempt(`count ${controller} of containers`, () => {
      writeFile(`${CGROUPS}/cgroup.subtree_control`, `+${controller}`);
    });
  }
  return CGROUPS;
}

/**
 * Joining a cgroup and unmounting wait for all processors to pass a quiet point: 10 ms each time in the ordinary way,
 * next to nothing when they are interrupted for it.
 */
function expediteRcu(): void {
  const fd = rawSyscall(SYS.openat, AT_FDCWD, cString("/sys/kernel/rcu_expedited"), O_WRONLY);
  if (fd < 0) return;
  writeSome(fd, new TextEncoder().encode("1"));
  rawSyscall(SYS.close, fd);
}

/** Descriptors 0, 1 and 2 must be open: a container's pipes would get their numbers. */
function takeStdio(): void {
  for (let number = 0; number <= 2; number++) {
    const F_GETFD = 1;
    if (rawSyscall(SYS.fcntl, number, F_GETFD) >= 0) continue;
    const path = cString(exists("/dev/console") ? "/dev/console" : "/dev/null");
    rawSyscall(SYS.openat, AT_FDCWD, path, O_RDWR | O_NOCTTY, 0);
  }
}

/** Fails where /run cannot be written to yet. */
function makeRun(): boolean {
  rawSyscall(SYS.mkdir, cString(RUN), 0o755);
  return exists(RUN);
}

/**
 * The file system of the initramfs cannot be pivoted away from (pivot_root(2), "EINVAL"), a mount on top of it can:
 * the root becomes a copy of itself. Done for every root in memory, since the two look alike and it does no harm.
 */
function leaveInitialRoot(): void {
  const found = new BigInt64Array(STATFS_SIZE / 8);
  rawSyscall(SYS.statfs, cString("/"), new Uint8Array(found.buffer));
  if (!IN_MEMORY.includes(Number(found[0]))) return;
  using top = open("/", O_PATH | O_DIRECTORY);
  using copy: Fd = cloneTree(top.number, "/", { recursive: true });
  attachTree(copy.number, "/");
  syscall("fchdir", "/", SYS.fchdir, copy.number);
  syscall("chroot", "/", SYS.chroot, cString("."));
}

function mountUnless(
  path: string,
  type: string,
  flags: number,
  done: () => boolean,
  data = "",
): void {
  if (done()) return;
  attempt(`mount ${path}`, () => {
    rawSyscall(SYS.mkdir, cString(path), 0o755);
    mount(type, path, type, flags, data);
  });
}

/** A machine that lacks something still serves what does not need it. */
function attempt(what: string, act: () => void): void {
  try {
    act();
  } catch (error) {
    note(`cannot ${what}: ${error instanceof Error ? error.message : error}`);
  }
}
