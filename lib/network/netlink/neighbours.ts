import { AF_INET, AF_INET6 } from "../../sys/mod.ts";
import { formatIp, formatMac, parseIp, parseMac } from "../ip.ts";
import { Attributes, bytes } from "./attributes.ts";
import { attributesAfter, type Message, NLM_F_CREATE, NLM_F_REPLACE } from "./message.ts";
import type { LinkId } from "./links.ts";
import type { NetlinkSocket } from "./socket.ts";

const RTM_NEWNEIGH = 28, RTM_DELNEIGH = 29, RTM_GETNEIGH = 30;
/** linux/neighbour.h */
const NDA_DST = 1, NDA_LLADDR = 2;
/** struct ndmsg: u8 family, padding, i32 index, u16 state, u8 flags, u8 type. */
const NDMSG_SIZE = 12;

/** NUD_… of linux/neighbour.h. */
export const NEIGHBOUR_STATES = {
  incomplete: 1,
  reachable: 2,
  stale: 4,
  delay: 8,
  probe: 0x10,
  failed: 0x20,
  noarp: 0x40,
  permanent: 0x80,
} as const;

/** Whose hardware address is known on a link. */
export interface Neighbour {
  /** Index of the link. */
  link: number;
  address: string;
  /** Empty when it is not known. */
  mac: string;
  /** {@linkcode NEIGHBOUR_STATES} */
  state: number;
  /** NTF_… of linux/neighbour.h: proxy, router and so on. */
  flags: number;
}

/** All neighbours of all links, IPv4 and IPv6, but for those that need no asking (multicast). @throws {NetlinkError} */
export function listNeighbours(socket: NetlinkSocket): Neighbour[] {
  const request = { type: RTM_GETNEIGH, header: new Uint8Array(NDMSG_SIZE) };
  return socket.dump("list neighbours", request, readNeighbour);
}

/** Tells a link of a neighbour, in place of what it knew. @throws {NetlinkError} */
export function addNeighbour(
  socket: NetlinkSocket,
  link: LinkId,
  neighbour: { address: string; mac: string; state?: number; flags?: number },
): void {
  const { address, mac, state = NEIGHBOUR_STATES.permanent, flags = 0 } = neighbour;
  socket.change(`add neighbour ${address} of "${link.name}"`, {
    type: RTM_NEWNEIGH,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    header: neighbourHeader(link, address, state, flags),
    attributes: [bytes(NDA_DST, parseIp(address)), bytes(NDA_LLADDR, parseMac(mac))],
  });
}

/** Makes a link forget a neighbour. @throws {NetlinkError} ENOENT when it knew none */
export function deleteNeighbour(socket: NetlinkSocket, link: LinkId, address: string): void {
  socket.change(`delete neighbour ${address} of "${link.name}"`, {
    type: RTM_DELNEIGH,
    header: neighbourHeader(link, address, 0, 0),
    attributes: [bytes(NDA_DST, parseIp(address))],
  });
}

function neighbourHeader(link: LinkId, address: string, state: number, flags: number): Uint8Array {
  const view = new DataView(new ArrayBuffer(NDMSG_SIZE));
  view.setUint8(0, parseIp(address).length === 4 ? AF_INET : AF_INET6);
  view.setInt32(4, link.index, true);
  view.setUint16(8, state, true);
  view.setUint8(10, flags);
  return new Uint8Array(view.buffer);
}

const reused = new Attributes();

function readNeighbour(message: Message): Neighbour | undefined {
  const attributes = attributesAfter(message, NDMSG_SIZE, reused);
  const { view, start } = message;
  const address = attributes.bytes(NDA_DST);
  const state = view.getUint16(start + 8, true);
  if (state & NEIGHBOUR_STATES.noarp) return undefined;
  // Bridges list the hardware addresses behind their ports here, too.
  if (address?.length !== 4 && address?.length !== 16) return undefined;
  const mac = attributes.bytes(NDA_LLADDR);
  return {
    link: view.getInt32(start + 4, true),
    address: formatIp(address),
    mac: mac ? formatMac(mac) : "",
    state,
    flags: view.getUint8(start + 10),
  };
}
