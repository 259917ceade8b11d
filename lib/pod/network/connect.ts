import { Failure, messageOf } from "../../failure.ts";
import type { VmNetwork } from "../../hypervisor/mod.ts";
import {
  chooseEndpoints,
  hostFacts,
  openNamespace,
  scanNamespace,
  type ScannedLink,
} from "../../network/mod.ts";
import type { Fd } from "../../sys/mod.ts";
import type { BridgeNetwork, NamespaceNetwork } from "../records.ts";
import type { PodDirectory } from "../store.ts";
import { joinBridge } from "./bridge.ts";
import { type ConnectedLinks, connectLinks } from "./connect_links.ts";
import { identify } from "./disconnect.ts";
import { lockNetworks } from "./lock_networks.ts";
import type { NetworkRecord } from "./network_record.ts";

/** Name of the pod's interface on a bridge. */
const INTERFACE = "eth0";
const NOTHING: NetworkRecord = { version: 1, namespace: null, cards: [], routes: [] };

/**
 * Connects a pod to a network namespace, its own or somebody else's: its interfaces become network cards of the VM.
 * What is done is written down before; when it fails, whatever was done is to be undone by `releaseNetwork`.
 *
 * @param vcpus processors of the VM
 * @throws {Failure} naming what cannot be connected
 */
export async function connectNetwork(
  directory: PodDirectory,
  config: NamespaceNetwork | BridgeNetwork,
  vcpus: number,
): Promise<{ vm: VmNetwork } & Pick<ConnectedLinks, "interfaces" | "routes"> & Disposable> {
  using opened = new DisposableStack();
  // Two pods must not both find a namespace unused.
  using _lock = await lockNetworks(directory);
  const { namespace, port, record } = config.kind === "bridge"
    ? await enterBridge(directory, config)
    : enterNamespace(config.path);
  opened.use(namespace);
  const links = linksToConnect(namespace);
  const { model } = config;
  const { cards, interfaces, routes } = opened.use(
    await connectLinks(directory, record, { namespace, links, port, model, vcpus }),
  );
  const kept = opened.move();
  return {
    vm: { user: null, cards, namespace },
    interfaces,
    routes,
    [Symbol.dispose]: () => kept.dispose(),
  };
}

async function enterBridge(directory: PodDirectory, config: BridgeNetwork) {
  const wish = { ...config, interface: INTERFACE, defaultGateway: true };
  return { ...await joinBridge(directory, NOTHING, wish), record: NOTHING };
}

function enterNamespace(path: string) {
  let namespace: Fd;
  try {
    namespace = openNamespace(path);
  } catch (cause) {
    throw new Failure(`Cannot join the network of ${path}: ${messageOf(cause)}`, { cause });
  }
  const { dev: device, ino: inode } = identify(namespace);
  return { namespace, port: null, record: { ...NOTHING, namespace: { path, device, inode } } };
}

/** Network cards are not passed through as a whole, nor the memory of switches. */
function linksToConnect(namespace: Fd): ScannedLink[] {
  const { links } = scanNamespace(namespace);
  const ours = links.find(({ name }) => /^pv(tap|br)[0-9]+$/.test(name));
  if (ours) {
    throw new Failure(`Cannot connect the pod to its namespace: ${ours.name} is there already`, {
      hint: "another pod uses this namespace, or did: podvisor pod list; podvisor gc",
    });
  }
  const facts = { ...hostFacts(namespace, false), isSocket: () => false };
  return chooseEndpoints(links, facts).map(({ link }) => link);
}
