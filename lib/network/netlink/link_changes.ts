import type { Fd } from "../../sys/mod.ts";
import { parseMac } from "../ip.ts";
import { type Attribute, bytes, encodeAttributes, nested, text, u32, u8 } from "./attributes.ts";
import {
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_UP,
  IFLA,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  linkHeader,
  type LinkId,
  RTM_DELLINK,
  RTM_NEWLINK,
} from "./links.ts";
import { NLM_F_CREATE, NLM_F_EXCL } from "./message.ts";
import type { NetlinkSocket } from "./socket.ts";

/** linux/veth.h, linux/if_link.h */
const VETH_INFO_PEER = 1, IFLA_BR_MCAST_SNOOPING = 23, IFLA_MACVLAN_MODE = 1;
const AF_INET6 = 10, IFLA_INET6_ADDR_GEN_MODE = 8;
const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
const GENERATION_MODES = { eui64: 0, none: 1 } as const;

/** What every link can be given. What is absent stays as it is. */
export interface LinkSettings {
  up?: boolean;
  /** Whether it answers and asks by ARP. */
  arp?: boolean;
  multicast?: boolean;
  mac?: string;
  /** Bytes. */
  mtu?: number;
  /** Length of the transmit queue, in packets. */
  txqlen?: number;
  /** Index of a bridge to belong to; 0 for none. */
  master?: number;
  /** Namespace to be moved to. */
  namespace?: Fd;
  /** Index to have in that namespace, if it is free there; Linux 5.13. */
  indexThere?: number;
  /** Where its IPv6 link-local address comes from. `none`: it gets none, and keeps silent. */
  ipv6LinkLocal?: keyof typeof GENERATION_MODES;
}

/** A link to be made. */
export type NewLink =
  & { name: string; index?: number }
  // The kernel takes it only once the link is there.
  & Omit<LinkSettings, "ipv6LinkLocal">
  & (
    | { kind: "dummy" | "ifb" }
    | { kind: "bridge"; multicastSnooping?: boolean }
    | {
      kind: "veth";
      /** The other end, which cannot be set up before both are there. */
      peer: { name: string } & Omit<LinkSettings, "up" | "ipv6LinkLocal">;
    }
    | {
      kind: "macvtap" | "macvlan";
      /** Index of the link below. */
      lower: number;
      mode: keyof typeof MACVLAN_MODES;
    }
  );

/**
 * Makes a link. Tap devices are made by opening them: `openTap` of lib/sys.
 *
 * @throws {NetlinkError} EEXIST when there is one of that name, EOPNOTSUPP when the kernel lacks the kind
 */
export function addLink(socket: NetlinkSocket, link: NewLink): void {
  const attributes = [
    text(IFLA.IFNAME, link.name),
    ...settingsAttributes(link),
    nested(IFLA.LINKINFO, [text(IFLA_INFO_KIND, link.kind), ...kindData(link)]),
  ];
  if ("lower" in link) attributes.push(u32(IFLA.LINK, link.lower));
  socket.change(`add ${link.kind} link "${link.name}"`, {
    type: RTM_NEWLINK,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    header: linkHeader(link.index ?? 0, ...flagBits(link)),
    attributes,
  });
}

/**
 * Changes a link.
 *
 * @param settings to change; `name` renames it
 * @throws {NetlinkError}
 */
export function setLink(
  socket: NetlinkSocket,
  link: LinkId,
  settings: LinkSettings & { name?: string },
): void {
  const attributes = settingsAttributes(settings);
  if (settings.name !== undefined) attributes.push(text(IFLA.IFNAME, settings.name));
  socket.change(`set ${Object.keys(settings).join(", ")} of link "${link.name}"`, {
    type: RTM_NEWLINK,
    header: linkHeader(link.index, ...flagBits(settings)),
    attributes,
  });
}

/** Deletes a link, a veth with its other end. @throws {NetlinkError} */
export function deleteLink(socket: NetlinkSocket, link: LinkId): void {
  socket.change(`delete link "${link.name}"`, {
    type: RTM_DELLINK,
    header: linkHeader(link.index),
  });
}

function settingsAttributes(settings: LinkSettings): Attribute[] {
  const { mac, mtu, txqlen, master, namespace, indexThere, ipv6LinkLocal } = settings;
  const attributes: Attribute[] = [];
  if (mac !== undefined) attributes.push(bytes(IFLA.ADDRESS, parseMac(mac)));
  if (mtu !== undefined) attributes.push(u32(IFLA.MTU, mtu));
  if (txqlen !== undefined) attributes.push(u32(IFLA.TXQLEN, txqlen));
  if (master !== undefined) attributes.push(u32(IFLA.MASTER, master));
  if (namespace !== undefined) attributes.push(u32(IFLA.NET_NS_FD, namespace.number));
  if (indexThere !== undefined) attributes.push(u32(IFLA.NEW_IFINDEX, indexThere));
  if (ipv6LinkLocal !== undefined) {
    const mode = u8(IFLA_INET6_ADDR_GEN_MODE, GENERATION_MODES[ipv6LinkLocal]);
    attributes.push(nested(IFLA.AF_SPEC, [nested(AF_INET6, [mode])]));
  }
  return attributes;
}

function flagBits({ up, arp, multicast }: LinkSettings): [flags: number, change: number] {
  let flags = 0;
  let change = 0;
  const set = (bit: number, wanted: boolean | undefined) => {
    if (wanted === undefined) return;
    change |= bit;
    if (wanted) flags |= bit;
  };
  set(IFF_UP, up);
  set(IFF_NOARP, arp === undefined ? undefined : !arp);
  set(IFF_MULTICAST, multicast);
  return [flags, change];
}

function kindData(link: NewLink): Attribute[] {
  switch (link.kind) {
    case "veth": {
      const { peer } = link;
      const header = linkHeader(0, ...flagBits(peer));
      const tail = encodeAttributes([text(IFLA.IFNAME, peer.name), ...settingsAttributes(peer)]);
      const value = new Uint8Array(header.length + tail.length);
      value.set(header);
      value.set(tail, header.length);
      return [nested(IFLA_INFO_DATA, [bytes(VETH_INFO_PEER, value)])];
    }
    case "bridge": {
      const { multicastSnooping: snooping } = link;
      if (snooping === undefined) return [];
      return [nested(IFLA_INFO_DATA, [u8(IFLA_BR_MCAST_SNOOPING, snooping ? 1 : 0)])];
    }
    case "macvtap":
    case "macvlan":
      return [nested(IFLA_INFO_DATA, [u32(IFLA_MACVLAN_MODE, MACVLAN_MODES[link.mode])])];
    default:
      return [];
  }
}
