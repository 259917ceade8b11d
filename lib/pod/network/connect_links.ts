import type { GuestInterface, GuestRoute } from "../../hyperstart/mod.ts";
import type { VmCard } from "../../hypervisor/mod.ts";
import {
  type AttachedEndpoint,
  attachEndpoint,
  buildGuestNetwork,
  type InterworkingModel,
  NetlinkSocket,
  planEndpoint,
  type ScannedLink,
  warnOfSkipped,
} from "../../network/mod.ts";
import type { Fd } from "../../sys/mod.ts";
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

/** Interfaces that are connected. Disposing closes what the VM has got descriptors of, once it has them. */
export interface ConnectedLinks extends Disposable {
  /** The pod's record with them in it, which has been written. */
  record: NetworkRecord;
  cards: VmCard[];
  interfaces: GuestInterface[];
  routes: GuestRoute[];
}

/**
 * Makes network cards for a VM of interfaces. What is done is written down before; when it fails, whatever was done is to
 * be undone as the record says.
 *
 * @param before the pod's record without them
 * @throws {Failure} naming what cannot be connected
 */
export async function connectLinks(
  directory: PodDirectory,
  before: NetworkRecord,
  { namespace, links, port, model, vcpus }: LinksToConnect,
): Promise<ConnectedLinks> {
  const guest = buildGuestNetwork(model === "none" ? [] : links);
  warnOfSkipped(guest.skipped);
  using socket = NetlinkSocket.open(namespace);
  const planned = links.map((link, at) => {
    const endpoint = planEndpoint(socket, link, model);
    const told = guest.interfaces.find(({ newDeviceName }) => newDeviceName === link.name) ?? null;
    const place = port ?? { kind: "namespace" as const, endpoint };
    const card: CardRecord = {
      id: before.cards.length + at === 0 ? FIRST_CARD : port?.link ?? endpoint.tap,
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
  using opened = new DisposableStack();
  const cards: VmCard[] = [];
  for (const [at, { endpoint, card }] of planned.entries()) {
    try {
      const queues = Math.min(vcpus, MAX_QUEUES);
      cards.push(cardOf(card.id, opened.use(attachEndpoint(namespace, endpoint, { queues }))));
    } catch (error) {
      // What was in the way may be somebody else's.
      if (!port) await writeNetworkRecord(directory, recordOf(planned.slice(0, at)));
      throw error;
    }
  }
  const kept = opened.move();
  const { interfaces, routes } = guest;
  return {
    record: recordOf(planned),
    cards: model === "none" ? [] : cards,
    interfaces,
    routes,
    [Symbol.dispose]: () => kept.dispose(),
  };
}

function cardOf(id: string, { queues, vhost, mac, mtu }: AttachedEndpoint): VmCard {
  const numbers = (descriptors: readonly Fd[]) => descriptors.map(({ number }) => number);
  return { id, queues: numbers(queues), vhost: numbers(vhost), mac, mtu };
}
