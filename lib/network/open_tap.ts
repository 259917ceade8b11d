import { Failure } from "../failure.ts";
import {
  EACCES,
  EBUSY,
  EEXIST,
  ENODEV,
  ENOENT,
  EPERM,
  type Fd,
  isSysError,
  O_RDWR,
  open,
  openTap,
  tapFeatures,
} from "../sys/mod.ts";
import { type InterworkingModel, tapName, usesTap } from "./endpoint_record.ts";
import { isNetlinkError, type Link } from "./netlink/mod.ts";

const VHOST = "/dev/vhost-net";
const ENXIO = 6;
/** More queues than any VM of ours has processors for. */
const MAX_QUEUES = 64;

/** How the VM's device is to be. */
export interface AttachOptions {
  /** Pairs of queues, 1 to 64. Default 1. */
  queues?: number;
  /** Let the kernel move the frames where it can (vhost-net). Default true. */
  vhost?: boolean;
}

/** The tap that an interface is to be connected to. Disposing closes the descriptors: the tap is gone then. */
export interface OpenedTap extends Disposable {
  /** A descriptor of the tap for each queue; each frame has a struct virtio_net_hdr in front. */
  queues: Fd[];
  /** As many of /dev/vhost-net, or none. */
  vhost: Fd[];
}

/**
 * Makes the tap of an interface, for a VM that is started before the interface is connected to it; nothing for models
 * that make it only then. The interface stays as it is, and the tap goes with its descriptors.
 *
 * @throws {Failure} when somebody else has connected the interface
 * @throws {SysError}
 */
export function openEndpoint(
  namespace: Fd,
  link: Link,
  model: InterworkingModel,
  options: AttachOptions = {},
): OpenedTap | undefined {
  if (!usesTap(model)) return undefined;
  const name = tapName(link);
  return claiming(link, name, () => openNamed(namespace, name, options));
}

/** Name of a tap that is there before the interface that it is to lead to: no interface has this number. */
export const LONE_TAP = tapName({ index: 0 });

/** Makes a tap called {@linkcode LONE_TAP}, which leads nowhere yet. It goes with its descriptors. @throws {SysError} */
export function openLoneTap(namespace: Fd, options: AttachOptions = {}): OpenedTap {
  return openNamed(namespace, LONE_TAP, options);
}

function openNamed(
  namespace: Fd,
  name: string,
  { queues = 1, vhost = true }: AttachOptions,
): OpenedTap {
  const count = queueCount(namespace, queues);
  using opened = new DisposableStack();
  const keep = (descriptors: Fd[]) => descriptors.map((each) => opened.use(each));
  const taps = keep(makeTap(namespace, name, count));
  const fast = vhost ? keep(openVhost(count)) : [];
  const kept = opened.move();
  return { queues: taps, vhost: fast, [Symbol.dispose]: () => kept.dispose() };
}

/** Opens /dev/vhost-net for each queue of a tap; none where the host has none. @throws {SysError} */
export function openVhost(count: number): Fd[] {
  const opened: Fd[] = [];
  try {
    for (let at = 0; at < count; at++) opened.push(open(VHOST, O_RDWR));
    return opened;
  } catch (error) {
    for (const each of opened) each.close();
    if (isSysError(error, ENOENT, ENXIO, ENODEV, EACCES, EPERM)) return [];
    throw error;
  }
}

/** As many queues as are wanted, or one where the kernel cannot have more. @throws {RangeError} */
export function queueCount(namespace: Fd, wanted: number): number {
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > MAX_QUEUES) {
    throw new RangeError(`Cannot connect an interface by ${wanted} queues: 1 to ${MAX_QUEUES} go`);
  }
  return wanted === 1 || tapFeatures(namespace).multiQueue ? wanted : 1;
}

/** Makes a tap as VMs need it. @returns a descriptor for each queue @throws {SysError} EBUSY when there is one of that name */
export function makeTap(namespace: Fd, name: string, queues: number): Fd[] {
  return openTap(namespace, { name, queues, vnetHeader: true });
}

/** Makes a device whose name is the claim to an interface. @throws {Failure} when there is one of that name already */
export function claiming<T>(link: Link, tap: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!isSysError(error, EBUSY) && !isNetlinkError(error, EEXIST)) throw error;
    throw new Failure(`Cannot connect interface ${link.name} to the VM: ${tap} is there already`, {
      hint: "another pod uses this namespace",
      cause: error,
    });
  }
}
