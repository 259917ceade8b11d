import type { GuestInterface, GuestRoute } from "../../hyperstart/mod.ts";
import type { VmCard, VmNetwork } from "../../hypervisor/mod.ts";
import {
  attachEndpoint,
  buildGuestNetwork,
  type InterworkingModel,
  NetlinkSocket,
  type OpenedTap,
  openEndpoint,
  planEndpoint,
  type ScannedLink,
  tapName,
  warnOfSkipped,
} from "../../network/mod.ts";
import type { Fd, ProcessIdentity } from "../../sys/mod.ts";
import type { PodDirectory } from "../store.ts";
import {
  type BridgePort,
  type CardRecord,
  type NetworkRecord,
  writeNetworkRecord,
} from "./network_record.ts";

/** Queues of a card, at most: more take descriptors and interrupts, and give little. */
const MAX_QUEUES = 8;

/** What the hypervisor knows the first card by that a VM is started with, which may be there before its interface is. */
export const FIRST_CARD = "first";

/** A network namespace that a pod is being connected to. Disposing closes what the VM has got descriptors of. */
export interface JoinedNetwork extends Disposable {
  vm: VmNetwork;
  /** See `PodNetwork.connect`. @throws {Failure} naming what cannot be connected */
  connect(waited?: ProcessIdentity): Promise<Pick<ConnectedLinks, "interfaces" | "routes">>;
}

/** Interfaces that are to be connected to a VM. */
export interface LinksToConnect {
  /** The namespace that they are in. */
  namespace: Fd;
  links: readonly ScannedLink[];
  /** Where they lead to, in a namespace of the pod's own; null in somebody else's. */
  port: BridgePort | null;
  model: InterworkingModel;
  /** Processors of the VM: a card has a queue for each. */
  vcpus: number;
}

/** A tap that is there before its interface is connected to it. */
export interface ExistingTap {
  name: string;
  /** Without descriptors when it is the tap of a VM that was started for any pod. */
  opened: Pick<OpenedTap, "queues" | "vhost">;
}

/** Taps of interfaces that are still to be connected to them. Disposing closes what the VM has got descriptors of. */
export interface OpenedTaps extends Disposable {
  taps: readonly ExistingTap[];
  cards: VmCard[];
}

/** Interfaces that are connected. Disposing closes what the VM has got descriptors of, once it has them. */
export interface ConnectedLinks extends Disposable {
  /** The pod's record with them in it, which has been written. */
  record: NetworkRecord;
  cards: VmCard[];
  interfaces: GuestInterface[];
  routes: GuestRoute[];
}

/**
 * Makes network cards for a VM of taps, for it to be started while {@linkcode connectLinks} connects the interfaces to
 * them. Nothing is changed that would have to be undone: taps end with their descriptors.
 *
 * @param before the pod's record without them
 * @returns nothing for models whose devices are made only when the interfaces are connected
 * @throws {Failure} when somebody else has connected one of the interfaces
 */
export function openTaps(before: NetworkRecord, wanted: LinksToConnect): OpenedTaps | undefined {
  const { namespace, links, model, vcpus } = wanted;
  using opened = new DisposableStack();
  const taps: ExistingTap[] = [];
  for (const link of links) {
    const tap = openEndpoint(namespace, link, model, { queues: queuesFor(vcpus) });
    if (!tap) return undefined;
    taps.push({ name: tapName(link), opened: opened.use(tap) });
  }
  const cards = taps.map((tap, at) => cardOf(cardId(before, wanted, at), links[at]!, tap.opened));
  const kept = opened.move();
  return { taps, cards, [Symbol.dispose]: () => kept.dispose() };
}

/**
 * Makes network cards for a VM of interfaces. What is done is written down before; when it fails, whatever was done is to
 * be undone as the record says.
 *
 * @param before the pod's record without them
 * @param taps theirs, where they are there already
 * @throws {Failure} naming what cannot be connected
 */
export async function connectLinks(
  directory: PodDirectory,
  before: NetworkRecord,
  wanted: LinksToConnect,
  taps?: readonly ExistingTap[],
): Promise<ConnectedLinks> {
  const { namespace, links, port, model, vcpus } = wanted;
  const guest = buildGuestNetwork(model === "none" ? [] : links);
  warnOfSkipped(guest.skipped);
  using socket = NetlinkSocket.open(namespace);
  const planned = links.map((link, at) => {
    const endpoint = planEndpoint(socket, link, model, { tap: taps?.[at]?.name });
    const told = guest.interfaces.find(({ newDeviceName }) => newDeviceName === link.name) ?? null;
    const place = port ?? { kind: "namespace" as const, endpoint };
    const card: CardRecord = {
      id: cardId(before, wanted, at),
      name: link.name,
      place,
      guest: told,
    };
    return { endpoint, card };
  });
  const recordOf = (made: readonly { card: CardRecord }[]): NetworkRecord => ({
    ...before,
    cards: [...before.cards, ...made.map(({ card }) => card)],
    routes: [...before.routes, ...guest.routes],
  });
  await writeNetworkRecord(directory, recordOf(planned));
  using attached = new DisposableStack();
  const cards: VmCard[] = [];
  for (const [at, { endpoint, card }] of planned.entries()) {
    try {
      const options = { queues: queuesFor(vcpus), opened: taps?.[at]?.opened };
      const made = attached.use(attachEndpoint(namespace, endpoint, options));
      cards.push(cardOf(card.id, made, made));
    } catch (error) {
      // What was in the way may be somebody else's.
      if (!port) await writeNetworkRecord(directory, recordOf(planned.slice(0, at)));
      throw error;
    }
  }
  const kept = attached.move();
  const { interfaces, routes } = guest;
  return {
    record: recordOf(planned),
    cards: model === "none" ? [] : cards,
    interfaces,
    routes,
    [Symbol.dispose]: () => kept.dispose(),
  };
}

/** Queues of each card of a VM. */
export function queuesFor(vcpus: number): number {
  return Math.min(vcpus, MAX_QUEUES);
}

/** What the hypervisor is to know a card by. */
function cardId({ cards }: NetworkRecord, { links, port }: LinksToConnect, at: number): string {
  return cards.length + at === 0 ? FIRST_CARD : port?.link ?? tapName(links[at]!);
}

/** A VM's card whose frames go through a tap. */
export function cardOf(
  id: string,
  { mac, mtu }: Pick<VmCard, "mac" | "mtu">,
  { queues, vhost }: Pick<OpenedTap, "queues" | "vhost">,
): VmCard {
  const numbers = (descriptors: readonly Fd[]) => descriptors.map(({ number }) => number);
  return { id, queues: numbers(queues), vhost: numbers(vhost), mac, mtu };
}
