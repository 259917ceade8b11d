import { Failure } from "../../failure.ts";
import {
  LONE_TAP,
  NetlinkSocket,
  openLoneTap,
  openNamespace,
  randomMac,
  scanNamespace,
} from "../../network/mod.ts";
import { type Fd, isAlive, newNetworkNamespace, type ProcessIdentity } from "../../sys/mod.ts";
import type { BridgeNetwork } from "../records.ts";
import type { PodDirectory } from "../store.ts";
import { findBridge, INTERFACE, joinBridge, wishOf } from "./bridge.ts";
import {
  cardOf,
  connectLinks,
  FIRST_CARD,
  type JoinedNetwork,
  queuesFor,
} from "./connect_links.ts";
import { lockNetworks } from "./lock_networks.ts";
import { NO_NETWORK } from "./network_record.ts";

/**
 * Prepares a pod's place at a bridge: a VM is started with a tap in a namespace of the pod's own, or has waited with one
 * in its own, and the way from there to the bridge is made meanwhile. Nothing that is made before would have to be undone.
 *
 * @param vcpus processors of the VM
 * @throws {Failure} when there is no such bridge
 */
export function prepareBridge(
  directory: PodDirectory,
  config: BridgeNetwork,
  vcpus: number,
): JoinedNetwork {
  using opened = new DisposableStack();
  using host = NetlinkSocket.open();
  const { mtu } = findBridge(host, config.name);
  const namespace = opened.use(newNetworkNamespace());
  const tap = opened.use(openLoneTap(namespace, { queues: queuesFor(vcpus) }));
  const mac = randomMac();
  const kept = opened.move();
  return {
    vm: { user: null, cards: [cardOf(FIRST_CARD, { mac, mtu }, tap)], passed: [], namespace },
    async connect(waited) {
      // The same names are in each namespace that is a VM's own.
      using other = waited && openNamespaceOf(waited);
      const end = { namespace: other ?? namespace, mac };
      const { port } = await takePlace(directory, config, end);
      const links = scanNamespace(end.namespace).links.filter(({ name }) => name === INTERFACE);
      const opened = other ? { queues: [], vhost: [] } : tap;
      const wanted = { namespace: end.namespace, links, port, model: config.model, vcpus };
      return await connectLinks(directory, NO_NETWORK, wanted, [{ name: LONE_TAP, opened }]);
    },
    [Symbol.dispose]: () => kept.dispose(),
  };
}

/** @throws {Failure} when the process has ended */
function openNamespaceOf(process: ProcessIdentity): Fd {
  if (!isAlive(process)) throw new Failure("Cannot find the VM's network: the VM has ended");
  return openNamespace(process.pid);
}

async function takePlace(
  directory: PodDirectory,
  config: BridgeNetwork,
  end: { namespace: Fd; mac: string },
) {
  // Two pods must not both find an address free.
  using _lock = await lockNetworks(directory);
  return await joinBridge(directory, NO_NETWORK, wishOf(config), end);
}
