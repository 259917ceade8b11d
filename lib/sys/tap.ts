import { ChildProgram } from "./child_program.ts";
import { type Fd, O_RDONLY, O_RDWR } from "./fd.ts";
import { cString } from "./memory.ts";
import { callOpen, openInChild, openInNetworkNamespace } from "./network_namespace.ts";
import { SYS } from "./numbers.ts";
import { syscall } from "./syscall.ts";
import { readSome } from "./transfer.ts";

/** linux/if_tun.h */
const TUNSETIFF = 0x400454ca, TUNGETFEATURES = 0x800454cf;
const IFF_TAP = 2, IFF_MULTI_QUEUE = 0x100, IFF_NO_PI = 0x1000, IFF_VNET_HDR = 0x4000;
/** The device must be a new one. */
const IFF_TUN_EXCL = 0x8000;
const CLONE_NEWNS = 0x20000, CLONE_NEWNET = 0x40000000;
const MS_REC = 16384, MS_PRIVATE = 1 << 18;
const S_IFCHR = 0o20000, AT_FDCWD = -100;
/** struct ifreq: char name[16], short flags, padding. */
const IFREQ_SIZE = 40, IFNAMSIZ = 16;
const TUN = "/dev/net/tun";

/** A tap device to be made. */
export interface TapOptions {
  /** At most 15 bytes. */
  name: string;
  /** Descriptors to open, one for each queue. More than one needs a kernel with multi-queue. */
  queues: number;
  /** Frames have a struct virtio_net_hdr in front, so that checksums and segmentation stay with the receiver. */
  vnetHeader: boolean;
}

/**
 * Makes a tap device (linux/if_tun.h) in a network namespace. It goes when the last of its descriptors is closed.
 *
 * @returns one descriptor for each queue
 * @throws {SysError} EBUSY when there is a device of that name
 */
export function openTap(namespace: Fd, { name, queues, vnetHeader }: TapOptions): Fd[] {
  const opened = openInNetworkNamespace(
    namespace,
    (program) => Array.from({ length: queues }, () => callOpen(program, TUN, O_RDWR)),
  );
  const flags = queueFlags(queues, vnetHeader);
  return owned(
    opened,
    () =>
      opened.forEach((queue, at) => setQueue(queue, name, at === 0 ? flags | IFF_TUN_EXCL : flags)),
  );
}

/** What tap devices of this kernel can have. @throws {SysError} when it has none */
export function tapFeatures(namespace: Fd): { multiQueue: boolean; vnetHeader: boolean } {
  const [tun] = openInNetworkNamespace(namespace, (program) => [callOpen(program, TUN, O_RDWR)]);
  using queue = tun!;
  const bits = new Uint32Array(1);
  syscall("ioctl", TUN, SYS.ioctl, queue.number, TUNGETFEATURES, new Uint8Array(bits.buffer));
  return {
    multiQueue: (bits[0]! & IFF_MULTI_QUEUE) !== 0,
    vnetHeader: (bits[0]! & IFF_VNET_HDR) !== 0,
  };
}

/**
 * Opens the queues of a macvtap device. Its character device is found in the sysfs of its namespace and opened through a
 * node in a mount namespace that ends with the child: nothing is made on the host.
 *
 * @param index of the device in its namespace
 * @returns one descriptor for each queue
 * @throws {SysError}
 */
export function openMacvtap(
  namespace: Fd,
  index: number,
  { name, queues, vnetHeader }: TapOptions,
): Fd[] {
  const device = deviceNumber(namespace, name, index);
  const program = inPrivateMounts(new ChildProgram(), "tmpfs");
  const node = "/sys/tap";
  const path = cString(node);
  program.call("mknod", node, SYS.mknodat, AT_FDCWD, path, S_IFCHR | 0o600, device);
  const calls = Array.from({ length: queues }, () => callOpen(program, node, O_RDWR));
  const opened = openInChild(program, calls);
  const flags = queueFlags(queues, vnetHeader);
  return owned(opened, () => opened.forEach((queue) => setQueue(queue, name, flags)));
}

function queueFlags(queues: number, vnetHeader: boolean): number {
  return IFF_TAP | IFF_NO_PI | (vnetHeader ? IFF_VNET_HDR : 0) | (queues > 1 ? IFF_MULTI_QUEUE : 0);
}

/** The number of a macvtap's character device, in the form of makedev(3) that mknod takes. */
function deviceNumber(namespace: Fd, name: string, index: number): number {
  const program = new ChildProgram();
  program.call("setns", "network namespace", SYS.setns, namespace.number, CLONE_NEWNET);
  inPrivateMounts(program, "sysfs");
  const path = `/sys/class/net/${name}/tap${index}/dev`;
  const [file] = openInChild(program, [callOpen(program, path, O_RDONLY)]);
  using opened = file!;
  const memory = new Uint8Array(32);
  const length = Math.max(readSome(opened.number, memory), 0);
  const text = new TextDecoder().decode(memory.subarray(0, length)).trim();
  const [, major, minor] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (major === undefined || minor === undefined) {
    throw new TypeError(`Cannot open the device of ${name}: ${path} holds ${JSON.stringify(text)}`);
  }
  return (Number(minor) & 0xff) | (Number(major) << 8) | ((Number(minor) & ~0xff) << 12);
}

/** Goes on in a mount namespace of its own, with a fresh file system on /sys. */
function inPrivateMounts(program: ChildProgram, type: string): ChildProgram {
  const none = cString("none");
  program.call("unshare", "mount namespace", SYS.unshare, CLONE_NEWNS);
  program.call("mount", "/", SYS.mount, none, cString("/"), 0, MS_REC | MS_PRIVATE, 0);
  program.call("mount", "/sys", SYS.mount, none, cString("/sys"), cString(type), 0, 0);
  return program;
}

function setQueue(queue: Fd, name: string, flags: number): void {
  const request = new Uint8Array(IFREQ_SIZE);
  const bytes = cString(name);
  if (bytes.length > IFNAMSIZ) {
    throw new TypeError(`Cannot make a tap device "${name}": the name is too long`);
  }
  request.set(bytes);
  new DataView(request.buffer).setUint16(IFNAMSIZ, flags, true);
  syscall("ioctl TUNSETIFF", name, SYS.ioctl, queue.number, TUNSETIFF, request);
}

/** Closes the descriptors when `use` throws. */
function owned(descriptors: Fd[], use: () => void): Fd[] {
  try {
    use();
    return descriptors;
  } catch (error) {
    for (const each of descriptors) each.close();
    throw error;
  }
}
