import type { GuestPod } from "../../agent/mod.ts";
import type { VmNetwork } from "../../hypervisor/mod.ts";
import type { PodConfig } from "../records.ts";
import type { PodDirectory } from "../store.ts";
import { findNameServers } from "./name_servers.ts";
import { releaseNetwork } from "./release_network.ts";
import { USER_NAME_SERVER, userNetwork } from "./user_network.ts";

/**
 * A pod's network as its VM and its guest are to have it. Disposing closes what the VM has got descriptors of, once it
 * has been started.
 */
export interface PodNetwork
  extends Pick<GuestPod, "interfaces" | "routes" | "dns" | "dnsSearch">, Disposable {
  vm: VmNetwork;
}

/**
 * Prepares a pod's network. It is undone by `releaseNetwork`, also when this fails.
 *
 * @throws {Failure} saying what cannot be had
 */
export async function preparePodNetwork(
  directory: PodDirectory,
  config: PodConfig,
): Promise<PodNetwork> {
  // Left by a VM that has ended by itself.
  await releaseNetwork(directory);
  const { network } = config;
  const given = { dns: config.dns?.servers ?? [], dnsSearch: config.dns?.search ?? [] };
  switch (network.kind) {
    case "none":
      return { ...nothing(), ...given };
    case "user": {
      const dns = given.dns.length > 0 ? given.dns : [USER_NAME_SERVER];
      const vm = { user: { ports: network.ports }, cards: [], namespace: null };
      return { ...nothing(), ...userNetwork(), ...given, dns, vm };
    }
    case "card": {
      const { makeLoneCard } = await import("./lone_card.ts");
      return { ...given, ...makeLoneCard() };
    }
    default: {
      // Pods that have no use for it do not pay for loading it.
      const { connectNetwork } = await import("./connect.ts");
      const found = await findNameServers(network.kind === "netns" ? network.path : undefined);
      const connected = await connectNetwork(directory, network, config.vcpus);
      return {
        ...connected,
        dns: given.dns.length > 0 ? given.dns : found.servers,
        dnsSearch: given.dnsSearch.length > 0 ? given.dnsSearch : found.search,
      };
    }
  }
}

function nothing(): PodNetwork {
  return {
    vm: { user: null, cards: [], namespace: null },
    interfaces: [],
    routes: [],
    dns: [],
    dnsSearch: [],
    [Symbol.dispose]: () => {},
  };
}
