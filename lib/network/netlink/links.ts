import { formatMac } from "../ip.ts";
import { Attributes, text, u32 } from "./attributes.ts";
import { attributesAfter, type Message, type Request } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/** Types of messages (linux/rtnetlink.h). */
export const RTM_NEWLINK = 16, RTM_DELLINK = 17;
const RTM_GETLINK = 18;

/** Attributes of links (linux/if_link.h). */
export const IFLA = {
  ADDRESS: 1,
  BROADCAST: 2,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  QDISC: 6,
  MASTER: 10,
  TXQLEN: 13,
  OPERSTATE: 16,
  LINKINFO: 18,
  AF_SPEC: 26,
  NET_NS_FD: 28,
  EXT_MASK: 29,
  NUM_TX_QUEUES: 31,
  LINK_NETNSID: 37,
  NEW_IFINDEX: 49,
} as const;
/** Attributes in IFLA_LINKINFO. */
export const IFLA_INFO_KIND = 1, IFLA_INFO_DATA = 2;

/** Flags of links (linux/if.h). */
export const IFF_UP = 1, IFF_LOOPBACK = 8, IFF_NOARP = 0x80, IFF_MULTICAST = 0x1000;
/** Statistics make up most of a link's description and are of no use here (linux/rtnetlink.h). */
const RTEXT_FILTER_SKIP_STATS = 8;
/** Kind of hardware (linux/if_arp.h). */
const ARPHRD_ETHER = 1;

/** struct ifinfomsg: u8 family, padding, u16 type, i32 index, u32 flags, u32 mask of flags to change. */
const IFINFOMSG_SIZE = 16;

const OPERATIONAL_STATES = [
  "unknown",
  "not-present",
  "down",
  "lower-layer-down",
  "testing",
  "dormant",
  "up",
] as const;

/** What tells one link of a namespace from the others; the name is for people. */
export interface LinkId {
  index: number;
  name: string;
}

/** A network interface. */
export interface Link extends LinkId {
  /** Driver's kind, such as `veth`; empty for hardware and the loopback device. */
  kind: string;
  /** IFF_… bits. */
  flags: number;
  up: boolean;
  loopback: boolean;
  /** It carries Ethernet frames. */
  ethernet: boolean;
  /** Empty when it has none. */
  mac: string;
  /** Bytes. */
  mtu: number;
  /** Length of the transmit queue, in packets. */
  txqlen: number;
  txQueues: number;
  /** Index of the bridge or bond it belongs to, 0 for none. */
  master: number;
  /** Index of the link below, or of a veth's other end, 0 for none. */
  lower: number;
  /** `lower` is an index of another namespace. */
  lowerElsewhere: boolean;
  state: typeof OPERATIONAL_STATES[number];
  /** Queueing discipline. */
  qdisc: string;
}

/** The fixed header of a link message. @param change which flags `flags` sets */
export function linkHeader(index: number, flags = 0, change = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(IFINFOMSG_SIZE));
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return new Uint8Array(view.buffer);
}

/** All links. @throws {NetlinkError} */
export function listLinks(socket: NetlinkSocket): Link[] {
  return socket.dump("list links", linkRequest(0), readLink);
}

/**
 * One link, by index or name.
 *
 * @throws {NetlinkError} ENODEV when there is none
 */
export function getLink(socket: NetlinkSocket, link: number | string): Link {
  if (typeof link === "number") {
    return socket.get(`get link ${link}`, linkRequest(link), readLink);
  }
  return socket.get(`get link "${link}"`, linkRequest(0, link), readLink);
}

function linkRequest(index: number, name?: string): Request {
  const attributes = [u32(IFLA.EXT_MASK, RTEXT_FILTER_SKIP_STATS)];
  if (name !== undefined) attributes.push(text(IFLA.IFNAME, name));
  return { type: RTM_GETLINK, header: linkHeader(index), attributes };
}

const reused = new Attributes();

/** Reads a link. @throws {MalformedMessage} */
export function readLink(message: Message): Link {
  const attributes = attributesAfter(message, IFINFOMSG_SIZE, reused);
  const { view, start } = message;
  const flags = view.getUint32(start + 8, true);
  const mac = attributes.bytes(IFLA.ADDRESS);
  return {
    index: view.getInt32(start + 4, true),
    name: attributes.text(IFLA.IFNAME) ?? "",
    kind: attributes.nested(IFLA.LINKINFO)?.text(IFLA_INFO_KIND) ?? "",
    flags,
    up: (flags & IFF_UP) !== 0,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    ethernet: view.getUint16(start + 2, true) === ARPHRD_ETHER,
    mac: mac ? formatMac(mac) : "",
    mtu: attributes.u32(IFLA.MTU) ?? 0,
    txqlen: attributes.u32(IFLA.TXQLEN) ?? 0,
    txQueues: attributes.u32(IFLA.NUM_TX_QUEUES) ?? 1,
    master: attributes.u32(IFLA.MASTER) ?? 0,
    lower: attributes.u32(IFLA.LINK) ?? 0,
    lowerElsewhere: attributes.has(IFLA.LINK_NETNSID),
    state: OPERATIONAL_STATES[attributes.u8(IFLA.OPERSTATE) ?? 0] ?? "unknown",
    qdisc: attributes.text(IFLA.QDISC) ?? "",
  };
}
