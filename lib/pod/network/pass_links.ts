import type { GuestInterface, GuestRoute } from "../../hyperstart/mod.ts";
import type { PassedCard } from "../../hypervisor/mod.ts";
import {
  attachPhysical,
  buildGuestNetwork,
  captureLink,
  type EndpointChoice,
  NetlinkSocket,
  planPhysical,
  warnOfSkipped,
} from "../../network/mod.ts";
import type { Fd } from "../../sys/mod.ts";
import type { PodDirectory } from "../store.ts";
import { type CardRecord, type NetworkRecord, writeNetworkRecord } from "./network_record.ts";

/** An interface that gets into the VM without a tap. */
export type PassableLink = Exclude<EndpointChoice, { kind: "virtual" }>;

/** What a VM and its guest are to have of interfaces that are passed. */
export interface PassedLinks {
  cards: PassedCard[];
  interfaces: GuestInterface[];
  routes: GuestRoute[];
}

/**
 * Passes interfaces to a VM that is to be started: cards of the host as a whole, and what switches serve in the VM's
 * memory. What is done is written down before; when it fails, it is to be undone as the record says.
 *
 * @param before the pod's record without them
 * @param sysfs where sysfs is mounted
 * @throws {Failure} naming the card that cannot be given away; nothing is changed when no IOMMU is in charge of it
 */
export async function passLinks(
  directory: PodDirectory,
  before: NetworkRecord,
  namespace: Fd,
  links: readonly PassableLink[],
  sysfs = "/sys",
): Promise<PassedLinks> {
  const { interfaces, routes, skipped } = buildGuestNetwork(links.map(({ link }) => link));
  warnOfSkipped(skipped);
  using socket = NetlinkSocket.open(namespace);
  const planned = links.map((choice): CardRecord => {
    const { link } = choice;
    const place = choice.kind === "vhost-user" ? { kind: choice.kind, socket: choice.socket } : {
      kind: choice.kind,
      card: planPhysical(choice.address, sysfs),
      link: captureLink(socket, link),
    };
    const guest = interfaces.find(({ newDeviceName }) => newDeviceName === link.name) ?? null;
    return { id: `pass${link.index}`, name: link.name, place, guest };
  });
  await writeNetworkRecord(directory, {
    ...before,
    cards: [...before.cards, ...planned],
    routes: [...before.routes, ...routes],
  });
  for (const { place } of planned) {
    if (place.kind === "physical") attachPhysical(place.card, sysfs);
  }
  const cards = links.map((choice): PassedCard => {
    const { kind, link } = choice;
    const id = `pass${link.index}`;
    return kind === "physical"
      ? { kind, id, address: choice.address }
      : { kind, id, socket: choice.socket, mac: link.mac };
  });
  return { cards, interfaces, routes };
}
