import { AF_INET6 } from "../../sys/mod.ts";
import { formatIp, parseIp } from "../ip.ts";
import { type Attribute, Attributes, bytes, text, u32, u8 } from "./attributes.ts";
import {
  attributesAfter,
  type Message,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
} from "./message.ts";
import type { LinkId } from "./links.ts";
import type { NetlinkSocket } from "./socket.ts";

const RTM_NEWADDR = 20, RTM_DELADDR = 21, RTM_GETADDR = 22;
/** linux/if_addr.h */
const IFA = {
  ADDRESS: 1,
  LOCAL: 2,
  LABEL: 3,
  BROADCAST: 4,
  CACHEINFO: 6,
  FLAGS: 8,
  RT_PRIORITY: 9,
  PROTO: 11,
} as const;
/** struct ifaddrmsg: u8 family, u8 prefix length, u8 flags, u8 scope, u32 index. */
const IFADDRMSG_SIZE = 8;
/** Lifetime without an end. */
const FOREVER = 0xffffffff;

/** IFA_F_… of linux/if_addr.h. */
export const ADDRESS_FLAGS = {
  NODAD: 0x02,
  DADFAILED: 0x08,
  HOMEADDRESS: 0x10,
  TENTATIVE: 0x40,
  PERMANENT: 0x80,
  MANAGETEMPADDR: 0x100,
  NOPREFIXROUTE: 0x200,
  MCAUTOJOIN: 0x400,
} as const;

/** Who made an address: IFAPROT_… of linux/if_addr.h. */
export const ADDRESS_PROTOCOLS = { loopback: 1, routerAdvertisement: 2, linkLocal: 3 } as const;

/** An address of a link. */
export interface Address {
  /** Index of the link. */
  link: number;
  family: 4 | 6;
  address: string;
  prefixLength: number;
  /** The other end of a point-to-point link. */
  peer?: string;
  broadcast?: string;
  /** Name that old programs show it under; IPv4 only. */
  label?: string;
  /** Where it is valid: 0 everywhere, 253 on the link, 254 on this machine (linux/rtnetlink.h). */
  scope: number;
  /** {@linkcode ADDRESS_FLAGS} */
  flags: number;
  /** Metric of the network's route. */
  metric?: number;
  /** {@linkcode ADDRESS_PROTOCOLS} */
  protocol?: number;
  /** Seconds left until it is no longer preferred, and no longer valid; absent: for ever. */
  preferred?: number;
  valid?: number;
}

/** What must be known of an address to be made. */
export type NewAddress =
  & Pick<Address, "address" | "prefixLength">
  & Partial<Omit<Address, "link" | "family" | "address" | "prefixLength">>;

/** All addresses of all links, IPv4 and IPv6. @throws {NetlinkError} */
export function listAddresses(socket: NetlinkSocket): Address[] {
  const request = { type: RTM_GETADDR, header: new Uint8Array(IFADDRMSG_SIZE) };
  return socket.dump("list addresses", request, readAddress);
}

/**
 * Gives a link an address.
 *
 * @param options replace: change the address when it is there already
 * @throws {NetlinkError} EEXIST when it is there already
 * @throws {TypeError} when it is no address
 */
export function addAddress(
  socket: NetlinkSocket,
  link: LinkId,
  address: NewAddress,
  options: { replace?: boolean } = {},
): void {
  const { flags = 0, metric, protocol, preferred, valid, label, broadcast } = address;
  const attributes = placeAttributes(address);
  if (broadcast !== undefined) attributes.push(bytes(IFA.BROADCAST, parseIp(broadcast)));
  if (label !== undefined) attributes.push(text(IFA.LABEL, label));
  if (flags !== 0) attributes.push(u32(IFA.FLAGS, flags));
  if (metric !== undefined) attributes.push(u32(IFA.RT_PRIORITY, metric));
  if (protocol !== undefined) attributes.push(u8(IFA.PROTO, protocol));
  if (preferred !== undefined || valid !== undefined) {
    // struct ifa_cacheinfo: u32 preferred, u32 valid, u32 created, u32 updated.
    const times = new Uint32Array([preferred ?? FOREVER, valid ?? FOREVER, 0, 0]);
    attributes.push(bytes(IFA.CACHEINFO, new Uint8Array(times.buffer)));
  }
  socket.change(`add address ${address.address}/${address.prefixLength} to "${link.name}"`, {
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | (options.replace ? NLM_F_REPLACE : NLM_F_EXCL),
    header: addressHeader(link, address),
    attributes,
  });
}

/** Takes an address from a link. @throws {NetlinkError} EADDRNOTAVAIL when it does not have it */
export function deleteAddress(socket: NetlinkSocket, link: LinkId, address: NewAddress): void {
  socket.change(`delete address ${address.address}/${address.prefixLength} of "${link.name}"`, {
    type: RTM_DELADDR,
    header: addressHeader(link, address),
    attributes: placeAttributes(address),
  });
}

function addressHeader(link: LinkId, { address, prefixLength, scope = 0 }: NewAddress): Uint8Array {
  const header = new Uint8Array(IFADDRMSG_SIZE);
  header.set([parseIp(address).length === 4 ? 2 : AF_INET6, prefixLength, 0, scope]);
  new DataView(header.buffer).setUint32(4, link.index, true);
  return header;
}

function placeAttributes({ address, peer }: NewAddress): Attribute[] {
  const local = parseIp(address);
  return [bytes(IFA.LOCAL, local), bytes(IFA.ADDRESS, peer ? parseIp(peer) : local)];
}

const reused = new Attributes();

function readAddress(message: Message): Address | undefined {
  const attributes = attributesAfter(message, IFADDRMSG_SIZE, reused);
  const { view, start } = message;
  const far = attributes.bytes(IFA.ADDRESS);
  const local = attributes.bytes(IFA.LOCAL) ?? far;
  if (local?.length !== 4 && local?.length !== 16) return undefined;
  const address: Address = {
    link: view.getUint32(start + 4, true),
    family: local.length === 4 ? 4 : 6,
    address: formatIp(local),
    prefixLength: view.getUint8(start + 1),
    scope: view.getUint8(start + 3),
    flags: attributes.u32(IFA.FLAGS) ?? view.getUint8(start + 2),
  };
  if (far && !far.every((byte, at) => byte === local[at])) address.peer = formatIp(far);
  const broadcast = attributes.bytes(IFA.BROADCAST);
  if (broadcast) address.broadcast = formatIp(broadcast);
  const label = attributes.text(IFA.LABEL);
  if (label !== undefined) address.label = label;
  const metric = attributes.u32(IFA.RT_PRIORITY);
  if (metric !== undefined) address.metric = metric;
  const protocol = attributes.u8(IFA.PROTO);
  if (protocol !== undefined) address.protocol = protocol;
  const times = attributes.range(IFA.CACHEINFO);
  if (times && times[1] - times[0] >= 8) {
    const preferred = view.getUint32(times[0], true);
    const valid = view.getUint32(times[0] + 4, true);
    if (preferred !== FOREVER) address.preferred = preferred;
    if (valid !== FOREVER) address.valid = valid;
  }
  return address;
}
