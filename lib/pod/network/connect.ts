import { Failure, messageOf } from "../../failure.ts";
import {
  chooseEndpoints,
  hostFacts,
  openNamespace,
  scanLinks,
  scanNamespace,
  type ScannedLink,
  usesTap,
} from "../../network/mod.ts";
import type { Fd } from "../../sys/mod.ts";
import type { BridgeNetwork, NamespaceNetwork } from "../records.ts";
import type { PodDirectory } from "../store.ts";
import { joinBridge, wishOf } from "./bridge.ts";
import { prepareBridge } from "./connect_bridge.ts";
import { connectLinks, type JoinedNetwork, openTaps } from "./connect_links.ts";
import { identify } from "./disconnect.ts";
import { lockNetworks } from "./lock_networks.ts";
import { NO_NETWORK } from "./network_record.ts";
import { passLinks } from "./pass_links.ts";

/**
 * Connects a pod to a network namespace, its own or somebody else's: its interfaces become network cards of the VM.
 * Where these lead to taps, the taps are all that is made at first, and the rest is done while the VM starts. What is
 * changed is written down before; when it fails, whatever was done is to be undone by `releaseNetwork`.
 *
 * @param vcpus processors of the VM
 * @throws {Failure} naming what cannot be connected
 */
export async function connectNetwork(
  directory: PodDirectory,
  config: NamespaceNetwork | BridgeNetwork,
  vcpus: number,
): Promise<JoinedNetwork> {
  if (config.kind === "bridge" && usesTap(config.model)) {
    return prepareBridge(directory, config, vcpus);
  }
  using opened = new DisposableStack();
  // Two pods must not both find a namespace unused.
  using _lock = await lockNetworks(directory);
  const { namespace, port, record } = config.kind === "bridge"
    ? await enterBridge(directory, config)
    : enterNamespace(config.path);
  opened.use(namespace);
  const { virtual, passable } = chooseLinks(namespace, config);
  const wanted = { namespace, links: virtual, port, model: config.model, vcpus };
  const taps = passable.length > 0 ? undefined : openTaps(record, wanted);
  if (taps) {
    opened.use(taps);
    const kept = opened.move();
    return {
      vm: { user: null, cards: taps.cards, passed: [], namespace },
      connect: () => {
        const links = readAgain(namespace, virtual);
        return connectLinks(directory, record, { ...wanted, links }, taps.taps);
      },
      [Symbol.dispose]: () => kept.dispose(),
    };
  }
  const links = readAgain(namespace, [...virtual, ...passable.map(({ link }) => link)]);
  const connected = opened.use(
    await connectLinks(directory, record, { ...wanted, links: links.slice(0, virtual.length) }),
  );
  const choices = passable.map((choice, at) => ({ ...choice, link: links[virtual.length + at]! }));
  const passed = choices.length > 0
    ? await passLinks(directory, connected.record, namespace, choices)
    : { cards: [], interfaces: [], routes: [] };
  const kept = opened.move();
  const told = {
    interfaces: [...connected.interfaces, ...passed.interfaces],
    routes: [...connected.routes, ...passed.routes],
  };
  return {
    vm: { user: null, cards: connected.cards, passed: passed.cards, namespace },
    connect: () => Promise.resolve(told),
    [Symbol.dispose]: () => kept.dispose(),
  };
}

async function enterBridge(directory: PodDirectory, config: BridgeNetwork) {
  return { ...await joinBridge(directory, NO_NETWORK, wishOf(config)), record: NO_NETWORK };
}

function enterNamespace(path: string) {
  let namespace: Fd;
  try {
    namespace = openNamespace(path);
  } catch (cause) {
    throw new Failure(`Cannot join the network of ${path}: ${messageOf(cause)}`, { cause });
  }
  const { dev: device, ino: inode } = identify(namespace);
  return { namespace, port: null, record: { ...NO_NETWORK, namespace: { path, device, inode } } };
}

/** Links with all that belongs to them. @throws {Failure} naming one that has gone meanwhile */
function readAgain(namespace: Fd, links: readonly ScannedLink[]): ScannedLink[] {
  const found = scanNamespace(namespace).links;
  return links.map(({ index, name }) => {
    const link = found.find((each) => each.index === index);
    if (link) return link;
    throw new Failure(`Cannot connect interface ${name} to the VM: it has left the namespace`);
  });
}

/** Cards of the host go as a whole unless another model is asked for; a bridge's links are ours. */
function chooseLinks(namespace: Fd, { kind, model }: NamespaceNetwork | BridgeNetwork) {
  const links = scanLinks(namespace);
  const ours = links.find(({ name }) => /^pv(tap|br)[0-9]+$/.test(name));
  if (ours) {
    throw new Failure(`Cannot connect the pod to its namespace: ${ours.name} is there already`, {
      hint: "another pod uses this namespace, or did: podvisor pod list; podvisor gc",
    });
  }
  const facts = hostFacts(namespace, kind === "netns" && model === "tcfilter");
  const own = kind === "bridge" || model === "none";
  const choices = chooseEndpoints(links, own ? { ...facts, isSocket: () => false } : facts);
  return {
    virtual: choices.filter((choice) => choice.kind === "virtual").map(({ link }) => link),
    passable: choices.filter((choice) => choice.kind !== "virtual"),
  };
}
