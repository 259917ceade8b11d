import { ChildProgram } from "./child_program.ts";
import type { Result } from "./operation.ts";
import { AT_FDCWD, Fd, O_CLOEXEC, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, open } from "./fd.ts";
import { cString } from "./memory.ts";
import { SYS } from "./numbers.ts";
import { rawSyscall, syscall } from "./syscall.ts";

/** linux/sched.h */
const CLONE_FILES = 0x400, CLONE_NEWNET = 0x40000000;
const MS_BIND = 4096, MNT_DETACH = 2, UMOUNT_NOFOLLOW = 8;
/** linux/nsfs.h: the kind of namespace, as the flag that makes one. */
const NS_GET_NSTYPE = 0xb703;
/** linux/magic.h */
const NSFS_MAGIC = 0x6e736673;
/** sizeof(struct statfs) */
const STATFS_SIZE = 120;

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0x9fa0: "proc",
  0x62656572: "sysfs",
  0x01021994: "tmpfs",
  0xef53: "ext4",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x794c7630: "overlay",
  0x6969: "nfs",
  0x01021997: "9p",
  0x65735546: "fuse",
  0x63677270: "cgroup2",
  0xe0f5e1e2: "erofs",
};

const NAMESPACES: Readonly<Record<number, string>> = {
  0x20000: "mount",
  0x80: "time",
  0x2000000: "cgroup",
  0x4000000: "uts",
  0x8000000: "ipc",
  0x10000000: "user",
  0x20000000: "pid",
};

/** What a path refers to instead of a network namespace; nothing when it is one. */
function otherThanNamespace(fd: Fd, path: string): string | undefined {
  const memory = new Uint8Array(STATFS_SIZE);
  syscall("fstatfs", path, SYS.fstatfs, fd.number, memory);
  const magic = new DataView(memory.buffer).getUint32(0, true);
  if (magic !== NSFS_MAGIC) {
    const name = FILE_SYSTEMS[magic] ?? `type 0x${magic.toString(16)}`;
    return `it is a file of a ${name} file system`;
  }
  const kind = syscall("ioctl", path, SYS.ioctl, fd.number, NS_GET_NSTYPE);
  return kind === CLONE_NEWNET ? undefined : `it is a ${NAMESPACES[kind] ?? "different"} namespace`;
}

/**
 * Opens a network namespace by the path of its bind mount or of `/proc/PID/ns/net`.
 *
 * @throws {SysError} when the path cannot be opened
 * @throws {TypeError} when it is something else, with what it is
 */
export function openNetworkNamespace(path: string): Fd {
  // O_NONBLOCK: a FIFO must not hold us up.
  const fd = open(path, O_RDONLY | O_NONBLOCK);
  let other: string | undefined;
  try {
    other = otherThanNamespace(fd, path);
  } catch (error) {
    fd.close();
    throw error;
  }
  if (other === undefined) return fd;
  fd.close();
  throw new TypeError(`Cannot use ${path} as a network namespace: ${other}`);
}

/**
 * Makes a network namespace that lives on as a bind mount on `path`, a new file.
 *
 * @throws {SysError} when the file exists, or the kernel refuses; the file has been removed again then
 */
export function makeNetworkNamespace(path: string): void {
  open(path, O_RDONLY | O_CREAT | O_EXCL, 0o444).close();
  const program = new ChildProgram();
  const own = "/proc/self/ns/net";
  program.call("unshare", "network namespace", SYS.unshare, CLONE_NEWNET);
  const none = cString("none");
  program.call("mount", path, SYS.mount, cString(own), cString(path), none, MS_BIND, 0);
  try {
    program.run();
  } catch (error) {
    rawSyscall(SYS.unlink, cString(path));
    throw error;
  }
}

/**
 * Makes a network namespace that lasts as long as this descriptor and the processes in it.
 *
 * @throws {SysError} when the kernel refuses
 */
export function newNetworkNamespace(): Fd {
  const program = new ChildProgram();
  program.call("unshare", "network namespace", SYS.unshare, CLONE_NEWNET);
  const [namespace] = openInChild(program, [callOpen(program, "/proc/self/ns/net", O_RDONLY)]);
  return namespace!;
}

/**
 * Takes the bind mount of a network namespace away, and its file. The namespace ends with the last process in it.
 *
 * @throws {SysError} when nothing is mounted there
 */
export function unmountNetworkNamespace(path: string): void {
  syscall("umount", path, SYS.umount2, cString(path), MNT_DETACH | UMOUNT_NOFOLLOW);
  syscall("unlink", path, SYS.unlink, cString(path));
}

/**
 * Opens descriptors inside a network namespace: a child that shares this process's descriptors enters it, opens them and
 * is gone. What they refer to (sockets, /dev/net/tun) belongs to that namespace from then on, on every thread.
 *
 * @param write adds the calls, and names those whose results are descriptors
 * @throws {SysError} naming the call that failed; what had been opened by then is closed
 */
export function openInNetworkNamespace(
  namespace: Fd,
  write: (program: ChildProgram) => Result[],
): Fd[] {
  const program = new ChildProgram();
  program.call("setns", "network namespace", SYS.setns, namespace.number, CLONE_NEWNET);
  return openInChild(program, write(program));
}

/** Runs a program in a child that shares this process's descriptors, and takes over those it has opened. */
export function openInChild(program: ChildProgram, opened: readonly Result[]): Fd[] {
  try {
    program.run(CLONE_FILES);
  } catch (error) {
    for (const each of opened) {
      const descriptor = program.resultOf(each);
      if (descriptor >= 0) new Fd(descriptor).close();
    }
    throw error;
  }
  return opened.map((each) => new Fd(program.resultOf(each)));
}

/** Opens a socket with O_CLOEXEC in a network namespace. @throws {SysError} */
export function openSocketIn(namespace: Fd, family: number, kind: number, protocol = 0): Fd {
  const [socket] = openInNetworkNamespace(namespace, (program) => [
    program.call("socket", `family ${family}`, SYS.socket, family, kind | O_CLOEXEC, protocol),
  ]);
  return socket!;
}

/** Adds a call that opens a file, with O_CLOEXEC. */
export function callOpen(program: ChildProgram, path: string, flags: number): Result {
  return program.call("open", path, SYS.openat, AT_FDCWD, cString(path), flags | O_CLOEXEC, 0);
}
