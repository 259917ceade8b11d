import { Failure } from "../failure.ts";
import { captureLink, type LinkSnapshot } from "./link_snapshot.ts";
import { formatMac } from "./ip.ts";
import {
  getLink,
  isNetlinkError,
  type Link,
  listQdiscs,
  type NetlinkSocket,
} from "./netlink/mod.ts";
import { ENODEV } from "../sys/mod.ts";

/**
 * How an interface of a pod's namespace reaches the VM.
 *
 * - `tcfilter`: a tap beside it; what either receives is sent out of the other. The interface stays as it is.
 * - `macvtap`: a macvtap on top of it, which takes over its hardware address; its IP addresses rest meanwhile.
 * - `bridged`: a tap and the interface are ports of a bridge; the interface gets another hardware address.
 * - `none`: not at all.
 */
export type InterworkingModel = "tcfilter" | "macvtap" | "bridged" | "none";

export const INTERWORKING_MODELS: readonly InterworkingModel[] = [
  "tcfilter",
  "macvtap",
  "bridged",
  "none",
];

/**
 * What is going to be changed in a namespace to connect an interface: enough to undo it, however far it has come. Goes
 * through JSON; to be stored before the change.
 */
export interface EndpointRecord {
  model: InterworkingModel;
  /** How the interface was. */
  link: LinkSnapshot;
  /** Name of the tap or macvtap device. */
  tap: string;
  /** Name of the bridge; empty without one. */
  bridge: string;
  /** The interface's hardware address meanwhile; empty when it keeps its own. */
  restingMac: string;
}

/** Whether a model leads to a tap, which can be there before the interface. */
export function usesTap(model: InterworkingModel): boolean {
  return model === "tcfilter" || model === "bridged";
}

/** Name of the tap or macvtap device that an interface is connected to. */
export function tapName({ index }: Pick<Link, "index">): string {
  return `pvtap${index}`;
}

/**
 * Plans the connection of an interface. Nothing is changed.
 *
 * @param options.tap name of its tap, when that is there already and is the caller's
 * @throws {Failure} when it cannot be connected in this way, or is connected already
 * @throws {NetlinkError}
 */
export function planEndpoint(
  socket: NetlinkSocket,
  link: Link,
  model: InterworkingModel,
  options: { tap?: string | undefined } = {},
): EndpointRecord {
  const refuse = (fact: string, hint?: string) =>
    new Failure(`Cannot connect interface ${link.name} to the VM: ${fact}`, hint ? { hint } : {});
  const tap = options.tap ?? tapName(link);
  const bridge = model === "bridged" ? `pvbr${link.index}` : "";
  const restingMac = model === "macvtap" || model === "bridged" ? randomMac() : "";
  const record = { model, link: captureLink(socket, link), tap, bridge, restingMac };
  if (model === "none") return record;
  if (!link.ethernet || link.loopback) throw refuse("it carries no Ethernet frames");
  if (link.master !== 0) throw refuse("it belongs to a bridge or bond");
  for (const name of options.tap === undefined ? [tap, bridge] : [bridge]) {
    if (name !== "" && linkExists(socket, name)) {
      throw refuse(`${name} is there already`, "another pod uses this namespace, or did");
    }
  }
  if (model === "tcfilter") {
    const ingress = listQdiscs(socket).find((qdisc) =>
      qdisc.link === link.index && (qdisc.kind === "ingress" || qdisc.kind === "clsact")
    );
    if (ingress) {
      throw refuse(`it has ${ingress.kind} filters of its own`, "use the macvtap or bridged model");
    }
  }
  return record;
}

function linkExists(socket: NetlinkSocket, name: string): boolean {
  try {
    getLink(socket, name);
    return true;
  } catch (error) {
    if (isNetlinkError(error, ENODEV)) return false;
    throw error;
  }
}

/** A hardware address of nobody's: locally administered, for one station (IEEE 802). */
export function randomMac(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  bytes[0] = (bytes[0]! & 0xfc) | 2;
  return formatMac(bytes);
}
