import type { Agent } from "../../agent/mod.ts";
import { Failure } from "../../failure.ts";
import type { GuestRoute } from "../../hyperstart/mod.ts";
import type { Vm } from "../../hypervisor/mod.ts";
import type { ConnectedLinks, LinksToConnect } from "../network/connect_links.ts";
import { describeNetwork, interfaceNames, type NetworkView } from "../network/describe_network.ts";
import { lockNetworks } from "../network/lock_networks.ts";
import {
  type NetworkRecord,
  readNetworkRecord,
  writeNetworkRecord,
} from "../network/network_record.ts";
import type { BridgeNetwork, NamespaceNetwork, PodConfig } from "../records.ts";
import type { PodDirectory } from "../store.ts";
import { agentOf, type PodTools, vmOf } from "../tools.ts";
import { Undo } from "../undo.ts";
import { changePod } from "./change_pod.ts";
import { checkUp } from "./check_up.ts";

/** What a pod that is up is to have more of networks. */
export interface NetworkAddition {
  interface:
    /** An interface that has come to the pod's namespace. */
    | { kind: "netns"; name: string; model: NamespaceNetwork["model"] }
    /** A place at a bridge. Empty name: the first of eth0, eth1, … that is free. */
    | (BridgeNetwork & { interface: string })
    | null;
  /** After it. */
  routes: GuestRoute[];
}

/** What an interface is added to. */
interface Target {
  directory: PodDirectory;
  config: PodConfig;
  vm: Vm;
  agent: Agent;
}

/**
 * Adds an interface and routes to a pod that is up: the card is plugged in, and its guest told. They last until the pod
 * stops.
 *
 * @throws {Failure} saying what cannot be had. An interface whose guest does not take it is not there then; routes that
 *   were made before one is refused stay
 */
export async function addNetwork(
  tools: PodTools,
  id: string,
  addition: NetworkAddition,
): Promise<NetworkView> {
  return await changePod(tools.store, id, async ({ pod, directory }) => {
    checkUp(pod.state, "add to its network", id);
    const agent = agentOf(tools, pod);
    using _connection = { [Symbol.dispose]: () => agent.close() };
    const target = { directory, config: pod.config, vm: vmOf(tools, pod), agent };
    const before = await readNetworkRecord(directory);
    const record = addition.interface
      ? await addInterface(target, before, addition.interface)
      : before;
    return describeNetwork(pod.config, await addRoutes(target, record, addition.routes));
  });
}

async function addInterface(
  target: Target,
  before: NetworkRecord,
  wanted: NonNullable<NetworkAddition["interface"]>,
): Promise<NetworkRecord> {
  const { directory, vm, agent } = target;
  const taken = interfaceNames(target.config, before);
  // Pods that have no use for it do not pay for loading it.
  const { disconnect } = await import("../network/disconnect.ts");
  await using undo = new Undo({ pod: directory.id });
  undo.defer("its network", async () => {
    const { cards, namespace } = await readNetworkRecord(directory);
    await disconnect({ namespace, cards: cards.slice(before.cards.length) });
    await writeNetworkRecord(directory, before);
  });
  using connected = await connect(target, before, wanted, taken);
  for (const card of connected.cards) {
    await vm.addNetworkCard(card);
    undo.defer("its network card", () => vm.removeNetworkCard(card.id));
  }
  // C hyperstart finds a card by the name that the kernel gives it.
  const device = freeName(taken);
  for (const each of connected.interfaces) await agent.setInterface({ ...each, device });
  if (connected.routes.length > 0) await agent.setRoutes(connected.routes);
  undo.keep();
  return connected.record;
}

async function connect(
  { directory, vm }: Target,
  before: NetworkRecord,
  wanted: NonNullable<NetworkAddition["interface"]>,
  taken: readonly string[],
): Promise<ConnectedLinks> {
  const { connectLinks } = await import("../network/connect_links.ts");
  const { vcpus } = await vm.resources();
  // Two pods must not both find an address free.
  using _lock = await lockNetworks(directory);
  const place = wanted.kind === "bridge"
    ? await placeAtBridge(directory, before, wanted, taken)
    : await placeInNamespace(before, wanted.name, taken);
  using _namespace = place.namespace;
  return await connectLinks(directory, before, { ...place, model: wanted.model, vcpus });
}

type Place = Pick<LinksToConnect, "namespace" | "links" | "port">;

async function placeAtBridge(
  directory: PodDirectory,
  before: NetworkRecord,
  wanted: BridgeNetwork & { interface: string },
  taken: readonly string[],
): Promise<Place> {
  const name = wanted.interface === "" ? freeName(taken) : wanted.interface;
  checkFree(name, taken);
  const { joinBridge } = await import("../network/bridge.ts");
  const { scanNamespace } = await import("../../network/mod.ts");
  // Its way out stays what it is, unless another one is given.
  const wish = { ...wanted, interface: name, defaultGateway: false };
  const { namespace, port } = await joinBridge(directory, before, wish);
  const links = scanNamespace(namespace).links.filter((link) => link.name === name);
  return { namespace, links, port };
}

async function placeInNamespace(
  { namespace: place }: NetworkRecord,
  name: string,
  taken: readonly string[],
): Promise<Place> {
  const refuse = (fact: string, hint: string) =>
    new Failure(`Cannot add the interface ${name} to the pod: ${fact}`, { hint });
  const { reopen } = await import("../network/disconnect.ts");
  const namespace = place && reopen(place);
  if (!namespace) {
    const hint = "only a pod of --network netns:PATH has one; see --bridge";
    throw refuse("it is in no network namespace of somebody else's", hint);
  }
  using undo = new DisposableStack();
  undo.use(namespace);
  checkFree(name, taken);
  const { scanNamespace } = await import("../../network/mod.ts");
  const link = scanNamespace(namespace).links.find((each) => each.name === name);
  if (!link) throw refuse(`there is none in ${place.path}`, `see ip -n NAME link`);
  undo.move();
  return { namespace, links: [link], port: null };
}

function checkFree(name: string, taken: readonly string[]): void {
  if (!taken.includes(name)) return;
  throw new Failure(`Cannot add the interface ${name} to the pod: it has one of that name`, {
    hint: "See podvisor network list",
  });
}

/** The name that the kernel gives to the next card. */
function freeName(taken: readonly string[]): string {
  for (let number = 0;; number++) if (!taken.includes(`eth${number}`)) return `eth${number}`;
}

async function addRoutes(
  { agent, directory }: Target,
  record: NetworkRecord,
  routes: readonly GuestRoute[],
): Promise<NetworkRecord> {
  if (routes.length === 0) return record;
  await agent.setRoutes(routes);
  const kept = record.routes.filter((each) => !routes.some((route) => isSameRoute(route, each)));
  const more = { ...record, routes: [...kept, ...routes] };
  await writeNetworkRecord(directory, more);
  return more;
}

/** The kernel keeps one route to a destination for each metric. */
export function isSameRoute(one: GuestRoute, other: GuestRoute): boolean {
  return one.dest === other.dest && (one.metric ?? 0) === (other.metric ?? 0);
}
