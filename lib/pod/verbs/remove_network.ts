import { Failure } from "../../failure.ts";
import type { GuestRoute } from "../../hyperstart/mod.ts";
import { describeNetwork, type NetworkView } from "../network/describe_network.ts";
import {
  type CardRecord,
  type NetworkRecord,
  readNetworkRecord,
  writeNetworkRecord,
} from "../network/network_record.ts";
import { agentOf, type PodTools, vmOf } from "../tools.ts";
import { isSameRoute } from "./add_network.ts";
import { changePod } from "./change_pod.ts";
import { checkUp } from "./check_up.ts";

/** What a pod that is up is to have no more of networks. */
export interface NetworkRemoval {
  /** Names of interfaces. */
  interfaces: readonly string[];
  /** Before them. */
  routes: GuestRoute[];
}

/**
 * Takes routes and interfaces from a pod that is up, also those that it was started with. In a namespace of somebody
 * else's the interface is as it was then. What was begun before, and cut short, is brought to its end.
 *
 * @throws {Failure} when there is no such interface or route, or the guest does not let go of a card
 */
export async function removeNetwork(
  tools: PodTools,
  id: string,
  { interfaces, routes }: NetworkRemoval,
): Promise<NetworkView> {
  return await changePod(tools.store, id, async ({ pod, directory }) => {
    checkUp(pod.state, "take from its network", id);
    let record = await readNetworkRecord(directory);
    const cards = interfaces.map((name) => findCard(record, name));
    if (routes.length > 0) {
      const agent = agentOf(tools, pod);
      using _connection = { [Symbol.dispose]: () => agent.close() };
      await agent.deleteRoutes(routes);
      record = withoutRoutes(record, (each) => routes.some((route) => isSameRoute(route, each)));
      await writeNetworkRecord(directory, record);
    }
    for (const card of cards) {
      await vmOf(tools, pod).removeNetworkCard(card.id);
      const { disconnect } = await import("../network/disconnect.ts");
      await disconnect({ namespace: record.namespace, cards: [card] });
      record = withoutRoutes(record, (route) => leadsThrough(route, card.name));
      record = { ...record, cards: record.cards.filter(({ id }) => id !== card.id) };
      await writeNetworkRecord(directory, record);
    }
    return describeNetwork(pod.config, record);
  });
}

function findCard({ cards }: NetworkRecord, name: string): CardRecord {
  const card = cards.find((each) => each.name === name);
  if (card && card.place.kind !== "physical" && card.place.kind !== "vhost-user") return card;
  if (card) {
    throw new Failure(
      `Cannot take the interface ${name} from the pod: the VM has its card as such`,
      {
        hint: "It goes when the pod stops",
      },
    );
  }
  throw new Failure(`Cannot take the interface ${name} from the pod: it has none of that name`, {
    hint: "See podvisor network list. The one of --network user stays",
  });
}

function withoutRoutes(
  record: NetworkRecord,
  gone: (route: GuestRoute) => boolean,
): NetworkRecord {
  return { ...record, routes: record.routes.filter((route) => !gone(route)) };
}

function leadsThrough({ device, nextHops = [] }: GuestRoute, name: string): boolean {
  return device === name || nextHops.some((hop) => hop.device === name);
}
