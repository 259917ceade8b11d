import { getLogger } from "../log.ts";
import { messageOf } from "../failure.ts";
import { EADDRNOTAVAIL, EINVAL, ENODEV, type Fd, openMacvtap } from "../sys/mod.ts";
import type { EndpointRecord } from "./endpoint_record.ts";
import { restoreLink, setHardwareAddress } from "./link_snapshot.ts";
import {
  addIngress,
  addLink,
  deleteAddress,
  deleteFilter,
  deleteIngress,
  deleteLink,
  getLink,
  isNetlinkError,
  type Link,
  listAddresses,
  listIngressFilters,
  listQdiscs,
  NetlinkSocket,
  redirectIngress,
  setLink,
} from "./netlink/mod.ts";
import {
  type AttachOptions,
  claiming,
  makeTap,
  type OpenedTap,
  openVhost,
  queueCount,
} from "./open_tap.ts";

const logger = getLogger("network");

/** An interface that is connected: what the VM's device is made of. Disposing closes the descriptors, no more. */
export interface AttachedEndpoint extends OpenedTap {
  record: EndpointRecord;
  /** Hardware address for the VM's device: the interface's own. */
  mac: string;
  /** Bytes. */
  mtu: number;
}

/**
 * Connects an interface to a tap that a VM can use. When it fails, everything has been undone. The tap lives as long as
 * its descriptors; {@linkcode detachEndpoint} undoes the rest.
 *
 * @param options.opened its tap, where it is there already; its descriptors stay the caller's
 * @throws {Failure} when somebody else has connected it
 * @throws {NetlinkError}
 * @throws {SysError}
 */
export function attachEndpoint(
  namespace: Fd,
  record: EndpointRecord,
  options: AttachOptions & { opened?: Pick<OpenedTap, "queues" | "vhost"> | undefined } = {},
): AttachedEndpoint {
  const { mac, mtu } = record.link;
  const count = queueCount(namespace, options.queues ?? 1);
  using opened = new DisposableStack();
  const keep = (descriptors: Fd[]) => descriptors.map((each) => opened.use(each));
  let { queues, vhost }: Pick<OpenedTap, "queues" | "vhost"> = options.opened ??
    { queues: [], vhost: [] };
  if (record.model !== "none") {
    using socket = NetlinkSocket.open(namespace);
    const link = getLink(socket, record.link.index);
    if (!options.opened) queues = keep(claim(namespace, socket, link, record, count));
    try {
      if (record.model === "macvtap") {
        queues = keep(connectMacvtap(namespace, socket, link, record, count));
      } else connectTap(socket, link, record);
      if (!options.opened && (options.vhost ?? true)) vhost = keep(openVhost(count));
    } catch (error) {
      undoQuietly(socket, record);
      throw error;
    }
  }
  const kept = opened.move();
  return { record, queues, vhost, mac, mtu, [Symbol.dispose]: () => kept.dispose() };
}

/**
 * Undoes what {@linkcode attachEndpoint} did, however far it came: afterwards the interface is as it was, if it is still
 * there. Doing it again changes nothing.
 *
 * @param source the namespace, or a connection that is in it
 * @throws {NetlinkError} when something cannot be undone; the rest has been tried all the same
 */
export function detachEndpoint(source: Fd | NetlinkSocket, record: EndpointRecord): void {
  if (!(source instanceof NetlinkSocket)) {
    using socket = NetlinkSocket.open(source);
    return detachEndpoint(socket, record);
  }
  if (record.model === "none") return;
  const failures: unknown[] = [];
  const attempt = (work: () => void) => {
    try {
      work();
    } catch (error) {
      failures.push(error);
    }
  };
  const link = findConnected(source, record);
  const tap = find(source, record.tap);
  if (link && record.model === "tcfilter") {
    attempt(() => removeRedirect(source, link, tap?.index ?? 0));
  }
  if (record.bridge !== "") attempt(() => removeLink(source, record.bridge));
  attempt(() => removeLink(source, record.tap));
  if (link) attempt(() => restoreLink(source, record.link));
  if (failures.length > 0) throw failures[0];
}

/** The interface, unless another one has its number by now: in a namespace that has been made anew. */
function findConnected(socket: NetlinkSocket, record: EndpointRecord): Link | undefined {
  const link = find(socket, record.link.index);
  return link && [record.link.mac, record.restingMac].includes(link.mac) ? link : undefined;
}

/**
 * Makes the tap or macvtap device. Its name is the claim to the interface: who is second changes nothing.
 *
 * @returns the queues of a tap
 */
function claim(
  namespace: Fd,
  socket: NetlinkSocket,
  link: Link,
  { model, tap, link: { mac } }: EndpointRecord,
  queues: number,
): Fd[] {
  return claiming(link, tap, () => {
    if (model !== "macvtap") return makeTap(namespace, tap, queues);
    const { mtu, index: lower } = link;
    const settings = { mac, mtu, ...queueLength(link) };
    addLink(socket, { kind: "macvtap", name: tap, lower, mode: "bridge", ...settings });
    return [];
  });
}

/** A veth can do without a queue; a tap of that length would drop every frame. */
function queueLength({ txqlen }: Link): { txqlen?: number } {
  return txqlen > 0 ? { txqlen } : {};
}

function connectTap(socket: NetlinkSocket, link: Link, record: EndpointRecord): void {
  const tap = getLink(socket, record.tap);
  setLink(socket, tap, { mtu: link.mtu, ...queueLength(link), ipv6LinkLocal: "none" });
  if (record.model === "tcfilter") redirectBothWays(socket, link, tap);
  else addBridge(socket, link, tap, record);
}

function redirectBothWays(socket: NetlinkSocket, link: Link, tap: Link): void {
  setLink(socket, tap, { up: true });
  if (!link.up) setLink(socket, link, { up: true });
  for (const [from, to] of [[tap, link], [link, tap]] as const) {
    addIngress(socket, from);
    redirectIngress(socket, from, to);
  }
}

function addBridge(socket: NetlinkSocket, link: Link, tap: Link, record: EndpointRecord): void {
  // The bridge must not answer for the addresses that stay on the interface.
  addLink(socket, {
    kind: "bridge",
    name: record.bridge,
    multicastSnooping: false,
    arp: false,
  });
  const bridge = getLink(socket, record.bridge);
  // A bridge delivers frames for a port's own address to this machine.
  setHardwareAddress(socket, link, record.restingMac);
  setLink(socket, tap, { master: bridge.index, up: true });
  setLink(socket, link, { master: bridge.index, up: true });
  setLink(socket, bridge, { mtu: link.mtu, ipv6LinkLocal: "none" });
  setLink(socket, bridge, { up: true });
}

function connectMacvtap(
  namespace: Fd,
  socket: NetlinkSocket,
  link: Link,
  { tap: name, restingMac }: EndpointRecord,
  queues: number,
): Fd[] {
  setHardwareAddress(socket, link, restingMac);
  // With addresses of its own the interface would answer in the VM's place.
  for (const address of listAddresses(socket).filter((each) => each.link === link.index)) {
    try {
      deleteAddress(socket, link, address);
    } catch (error) {
      // Secondary addresses go with their primary one.
      if (!isNetlinkError(error, EADDRNOTAVAIL)) throw error;
    }
  }
  if (!link.up) setLink(socket, link, { up: true });
  const tap = getLink(socket, name);
  setLink(socket, tap, { ipv6LinkLocal: "none" });
  setLink(socket, tap, { up: true });
  return openMacvtap(namespace, tap.index, { name, queues, vnetHeader: true });
}

/** Removes our filter, and the discipline with it when nobody else has put a filter there. */
function removeRedirect(socket: NetlinkSocket, link: Link, tap: number): void {
  const ingress = listQdiscs(socket).some((qdisc) =>
    qdisc.link === link.index && qdisc.kind === "ingress"
  );
  if (!ingress) return;
  const filters = listIngressFilters(socket, link);
  // A filter whose target has gone shows none.
  const ours = filters.filter(({ redirect }) => redirect === 0 || redirect === tap);
  if (ours.length === filters.length) return deleteIngress(socket, link);
  for (const filter of ours) deleteFilter(socket, link, filter);
}

function removeLink(socket: NetlinkSocket, name: string): void {
  const link = find(socket, name);
  if (!link) return;
  try {
    deleteLink(socket, link);
  } catch (error) {
    if (!isNetlinkError(error, ENODEV, EINVAL)) throw error;
  }
}

function find(socket: NetlinkSocket, link: number | string): Link | undefined {
  try {
    return getLink(socket, link);
  } catch (error) {
    if (isNetlinkError(error, ENODEV)) return undefined;
    throw error;
  }
}

function undoQuietly(socket: NetlinkSocket, record: EndpointRecord): void {
  try {
    detachEndpoint(socket, record);
  } catch (error) {
    const reason = messageOf(error);
    logger.warn("an interface is not as it was", { interface: record.link.name, reason });
  }
}
