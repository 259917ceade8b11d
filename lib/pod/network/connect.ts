import { Failure, messageOf } from "../../failure.ts";
import type { VmCard } from "../../hypervisor/mod.ts";
import {
  type AttachedEndpoint,
  attachEndpoint,
  buildGuestNetwork,
  chooseEndpoints,
  hostFacts,
  type InterworkingModel,
  NetlinkSocket,
  openNamespace,
  planEndpoint,
  scanNamespace,
  warnOfSkipped,
} from "../../network/mod.ts";
import type { Fd } from "../../sys/mod.ts";
import type { BridgeNetwork, NamespaceNetwork } from "../records.ts";
import type { PodDirectory } from "../store.ts";
import { joinBridge } from "./bridge.ts";
import { lockNetworks } from "./lock_networks.ts";
import { identify } from "./disconnect.ts";
import { type NetworkRecord, writeNetworkRecord } from "./network_record.ts";
import type { PodNetwork } from "./pod_network.ts";

/** Queues of a card, at most: more take descriptors and interrupts, and give little. */
const MAX_QUEUES = 8;

/**
 * Connects a pod to a network namespace, its own or somebody else's: its interfaces become network cards of the VM.
 * What is done is written down before; when it fails, whatever was done is to be undone by `releaseNetwork`.
 *
 * @param vcpus processors of the VM: a card has a queue for each
 * @throws {Failure} naming what cannot be connected
 */
export async function connectNetwork(
  directory: PodDirectory,
  config: NamespaceNetwork | BridgeNetwork,
  vcpus: number,
): Promise<Omit<PodNetwork, "dns" | "dnsSearch">> {
  using opened = new DisposableStack();
  // Two pods must not both find a namespace unused.
  using _lock = await lockNetworks(directory);
  const { namespace, record } = config.kind === "bridge"
    ? await joinBridge(directory, config)
    : enter(config.path);
  opened.use(namespace);
  using socket = NetlinkSocket.open(namespace);
  const links = linksToConnect(socket, namespace);
  const planned: NetworkRecord = {
    ...record,
    endpoints: links.map((link) => planEndpoint(socket, link, config.model)),
  };
  await writeNetworkRecord(directory, planned);
  const queues = Math.min(vcpus, MAX_QUEUES);
  const attached: AttachedEndpoint[] = [];
  try {
    for (const endpoint of planned.endpoints) {
      attached.push(opened.use(attachEndpoint(namespace, endpoint, { queues })));
    }
  } catch (error) {
    // What was in the way of the last one may be somebody else's.
    const endpoints = planned.endpoints.slice(0, attached.length);
    await writeNetworkRecord(directory, { ...planned, endpoints });
    throw error;
  }
  const { interfaces, routes, skipped } = buildGuestNetwork(
    isConnected(config.model) ? links : [],
    { ipv6: true },
  );
  warnOfSkipped(skipped);
  const cards = isConnected(config.model) ? attached.map(cardOf) : [];
  const kept = opened.move();
  return {
    vm: { user: null, cards, namespace },
    interfaces,
    routes,
    [Symbol.dispose]: () => kept.dispose(),
  };
}

function isConnected(model: InterworkingModel): boolean {
  return model !== "none";
}

function enter(path: string): { namespace: Fd; record: NetworkRecord } {
  let namespace: Fd;
  try {
    namespace = openNamespace(path);
  } catch (cause) {
    throw new Failure(`Cannot join the network of ${path}: ${messageOf(cause)}`, { cause });
  }
  const { dev: device, ino: inode } = identify(namespace);
  const place = { path, device, inode };
  return { namespace, record: { version: 1, namespace: place, endpoints: [], bridge: null } };
}

/** Network cards are not passed through as a whole, nor the memory of switches. */
function linksToConnect(socket: NetlinkSocket, namespace: Fd) {
  const { links } = scanNamespace(socket);
  const ours = links.find(({ name }) => /^pv(tap|br)[0-9]+$/.test(name));
  if (ours) {
    throw new Failure(`Cannot connect the pod to its namespace: ${ours.name} is there already`, {
      hint: "another pod uses this namespace, or did: podvisor pod list; podvisor gc",
    });
  }
  const facts = { ...hostFacts(namespace, false), isSocket: () => false };
  return chooseEndpoints(links, facts).map(({ link }) => link);
}

function cardOf({ record, queues, vhost, mac, mtu }: AttachedEndpoint): VmCard {
  const numbers = (descriptors: readonly Fd[]) => descriptors.map(({ number }) => number);
  return { id: record.tap, queues: numbers(queues), vhost: numbers(vhost), mac, mtu };
}
