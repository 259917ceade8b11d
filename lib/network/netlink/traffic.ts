/** Traffic control (tc(8), linux/pkt_sched.h, linux/pkt_cls.h): what happens to the frames that a link receives. */
import { type Attribute, bytes, listItems, nested, text } from "./attributes.ts";
import { isNetlinkError } from "./error.ts";
import { attributesAfter, type Message, NLM_F_CREATE, NLM_F_EXCL } from "./message.ts";
import type { LinkId } from "./links.ts";
import type { NetlinkSocket } from "./socket.ts";

const RTM_NEWQDISC = 36, RTM_DELQDISC = 37, RTM_GETQDISC = 38;
const RTM_NEWTFILTER = 44, RTM_DELTFILTER = 45, RTM_GETTFILTER = 46;
const TCA_KIND = 1, TCA_OPTIONS = 2;
const TCA_MATCHALL_ACT = 2;
const TCA_U32_SEL = 5, TCA_U32_ACT = 7;
const TCA_ACT_KIND = 1, TCA_ACT_OPTIONS = 2;
const TCA_MIRRED_PARMS = 2, TCA_EGRESS_REDIR = 1, TC_ACT_STOLEN = 4;
/** Both ingress and clsact sit there. */
const TC_H_INGRESS = 0xfffffff1, INGRESS_HANDLE = 0xffff0000;
const CLSACT_INGRESS = 0xfffffff2;
const ETH_P_ALL = 3;
/** struct tcmsg: u8 family, padding, i32 index, u32 handle, u32 parent, u32 info. */
const TCMSG_SIZE = 20;
const ENOENT = 2;

/** A queueing discipline of a link. */
export interface Qdisc {
  /** Index of the link. */
  link: number;
  kind: string;
  handle: number;
  parent: number;
}

/** A filter of a queueing discipline. */
export interface Filter {
  /** Index of the link. */
  link: number;
  /** `u32`, `matchall` and so on. */
  kind: string;
  parent: number;
  handle: number;
  /** Lower ones come first. */
  preference: number;
  /** Index of the link that its frames are redirected to. */
  redirect?: number;
}

/** Disciplines that take frames in. */
export type IngressKind = "ingress" | "clsact";

/** All queueing disciplines of all links. @throws {NetlinkError} */
export function listQdiscs(socket: NetlinkSocket): Qdisc[] {
  const request = { type: RTM_GETQDISC, header: new Uint8Array(TCMSG_SIZE) };
  return socket.dump("list queueing disciplines", request, (message) => {
    const attributes = attributesAfter(message, TCMSG_SIZE);
    const { view, start } = message;
    return {
      link: view.getInt32(start + 4, true),
      kind: attributes.text(TCA_KIND) ?? "",
      handle: view.getUint32(start + 8, true),
      parent: view.getUint32(start + 12, true),
    };
  });
}

/**
 * Gives a link a place for filters of the frames that it receives.
 *
 * @throws {NetlinkError} EEXIST when it has one already
 */
export function addIngress(
  socket: NetlinkSocket,
  link: LinkId,
  kind: IngressKind = "ingress",
): void {
  socket.change(`add ${kind} discipline to link "${link.name}"`, {
    type: RTM_NEWQDISC,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    header: trafficHeader(link, INGRESS_HANDLE, TC_H_INGRESS),
    attributes: [text(TCA_KIND, kind)],
  });
}

/** Takes that place away, with all filters in it. @throws {NetlinkError} ENOENT or EINVAL when there is none */
export function deleteIngress(socket: NetlinkSocket, link: LinkId): void {
  socket.change(`delete ingress discipline of link "${link.name}"`, {
    type: RTM_DELQDISC,
    header: trafficHeader(link, INGRESS_HANDLE, TC_H_INGRESS),
  });
}

/** Filters of the frames that a link receives. @throws {NetlinkError} */
export function listIngressFilters(
  socket: NetlinkSocket,
  link: LinkId,
  kind: IngressKind = "ingress",
): Filter[] {
  const header = trafficHeader(link, 0, ingressParent(kind));
  const request = { type: RTM_GETTFILTER, header };
  return socket.dump(`list filters of link "${link.name}"`, request, readFilter);
}

/**
 * Sends every frame that a link receives out of another link, instead of taking it in.
 *
 * @param options kind: classifier; default: `u32`, or `matchall` where the kernel lacks it
 * @throws {NetlinkError} ENOENT when the kernel lacks the classifier
 */
export function redirectIngress(
  socket: NetlinkSocket,
  from: LinkId,
  to: LinkId,
  options: { kind?: "u32" | "matchall"; discipline?: IngressKind } = {},
): void {
  const { kind = "u32", discipline = "ingress" } = options;
  try {
    addRedirect(socket, from, to, kind, discipline);
  } catch (error) {
    if (options.kind !== undefined || !isNetlinkError(error, ENOENT)) throw error;
    addRedirect(socket, from, to, "matchall", discipline);
  }
}

function addRedirect(
  socket: NetlinkSocket,
  from: LinkId,
  to: LinkId,
  kind: "u32" | "matchall",
  discipline: IngressKind,
): void {
  const actions = redirectActions(to.index);
  const options = kind === "matchall"
    ? [nested(TCA_MATCHALL_ACT, actions)]
    : [bytes(TCA_U32_SEL, matchEverything()), nested(TCA_U32_ACT, actions)];
  socket.change(`redirect frames of link "${from.name}" to "${to.name}" by ${kind}`, {
    type: RTM_NEWTFILTER,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    header: trafficHeader(from, 0, ingressParent(discipline), protocolInfo(ETH_P_ALL)),
    attributes: [text(TCA_KIND, kind), nested(TCA_OPTIONS, options)],
  });
}

/** Deletes a filter. @throws {NetlinkError} ENOENT when there is none of that preference */
export function deleteFilter(socket: NetlinkSocket, link: LinkId, filter: Filter): void {
  const info = (filter.preference << 16 >>> 0) + protocolInfo(ETH_P_ALL);
  socket.change(`delete filter ${filter.preference} of link "${link.name}"`, {
    type: RTM_DELTFILTER,
    header: trafficHeader(link, 0, filter.parent, info),
    attributes: [text(TCA_KIND, filter.kind)],
  });
}

function ingressParent(kind: IngressKind): number {
  return kind === "clsact" ? CLSACT_INGRESS : INGRESS_HANDLE;
}

/** The low half of `info`: the protocol in network order. */
function protocolInfo(protocol: number): number {
  return (protocol & 0xff) << 8 | protocol >> 8;
}

function trafficHeader(link: LinkId, handle: number, parent: number, info = 0): Uint8Array {
  const view = new DataView(new ArrayBuffer(TCMSG_SIZE));
  view.setInt32(4, link.index, true);
  view.setUint32(8, handle, true);
  view.setUint32(12, parent, true);
  view.setUint32(16, info, true);
  return new Uint8Array(view.buffer);
}

/** The actions of a filter: a list of one, the redirection. */
function redirectActions(index: number): Attribute[] {
  // struct tc_mirred: u32 index, capabilities, i32 action, references, bindings, what to do; u32 link.
  const parameters = new Int32Array([0, 0, TC_ACT_STOLEN, 0, 0, TCA_EGRESS_REDIR, index]);
  return [
    nested(1, [
      text(TCA_ACT_KIND, "mirred"),
      nested(TCA_ACT_OPTIONS, [bytes(TCA_MIRRED_PARMS, new Uint8Array(parameters.buffer))]),
    ]),
  ];
}

/** struct tc_u32_sel with one key whose mask is 0: it matches every frame. */
function matchEverything(): Uint8Array {
  const TC_U32_TERMINAL = 1;
  // u8 flags, shift, keys, padding; u16 offset mask, offset, i16 offset from, hash from; u32 hash mask; then the key:
  // u32 mask, value, i32 offset, offset mask.
  const selector = new Uint8Array(16 + 16);
  selector[0] = TC_U32_TERMINAL;
  selector[2] = 1;
  return selector;
}

function readFilter(message: Message): Filter | undefined {
  const attributes = attributesAfter(message, TCMSG_SIZE);
  const { view, start } = message;
  const kind = attributes.text(TCA_KIND) ?? "";
  const options = attributes.nested(TCA_OPTIONS);
  // u32 lists its hash tables, too.
  const actions = options?.range(kind === "u32" ? TCA_U32_ACT : TCA_MATCHALL_ACT);
  if (kind === "u32" && !options?.has(TCA_U32_SEL)) return undefined;
  const filter: Filter = {
    link: view.getInt32(start + 4, true),
    kind,
    parent: view.getUint32(start + 12, true),
    handle: view.getUint32(start + 8, true),
    preference: view.getUint32(start + 16, true) >>> 16,
  };
  for (const action of actions ? listItems(view, ...actions) : []) {
    if (action.text(TCA_ACT_KIND) !== "mirred") continue;
    const range = action.nested(TCA_ACT_OPTIONS)?.range(TCA_MIRRED_PARMS);
    if (range && range[1] - range[0] >= 28) filter.redirect = view.getUint32(range[0] + 24, true);
  }
  return filter;
}
