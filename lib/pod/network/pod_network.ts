import type { GuestPod } from "../../agent/mod.ts";
import type { VmNetwork } from "../../hypervisor/mod.ts";
import type { ProcessIdentity } from "../../sys/mod.ts";
import type { PodConfig } from "../records.ts";
import type { PodDirectory } from "../store.ts";
import { findNameServers } from "./name_servers.ts";
import { releaseNetwork } from "./release_network.ts";
import { USER_NAME_SERVER, userNetwork } from "./user_network.ts";

/** What a guest is told of its network. */
export type ToldNetwork = Pick<GuestPod, "interfaces" | "routes" | "dns" | "dnsSearch">;

/** A pod's network. Disposing closes what the VM has got descriptors of, once it has been started. */
export interface PodNetwork extends Disposable {
  /** What the VM is started with. */
  vm: VmNetwork;
  /**
   * Does what the VM need not wait for: to be called once, when it has been started.
   *
   * @param waited the VM's process, when that has waited for any pod with a card in it: its tap is in the namespace
   *   that it runs in
   * @returns what its guest is to be told
   * @throws {Failure} saying what cannot be had
   */
  connect(waited?: ProcessIdentity): Promise<ToldNetwork>;
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
  const nothing = { interfaces: [], routes: [], ...given };
  switch (network.kind) {
    case "none":
      return known({ user: null, cards: [], namespace: null }, nothing);
    case "user": {
      const dns = given.dns.length > 0 ? given.dns : [USER_NAME_SERVER];
      const vm = { user: { ports: network.ports }, cards: [], namespace: null };
      return known(vm, { ...nothing, ...userNetwork(), dns });
    }
    case "card": {
      const { makeLoneCard } = await import("./lone_card.ts");
      return makeLoneCard();
    }
    default: {
      // Pods that have no use for it do not pay for loading it.
      const { connectNetwork } = await import("./connect.ts");
      const joined = await connectNetwork(directory, network, config.vcpus);
      return {
        ...joined,
        connect: async (waited) => {
          const { interfaces, routes } = await joined.connect(waited);
          const found = await findNameServers(network.kind === "netns" ? network.path : undefined);
          const dns = given.dns.length > 0 ? given.dns : found.servers;
          const dnsSearch = given.dnsSearch.length > 0 ? given.dnsSearch : found.search;
          return { interfaces, routes, dns, dnsSearch };
        },
      };
    }
  }
}

function known(vm: VmNetwork, told: ToldNetwork): PodNetwork {
  return { vm, connect: () => Promise.resolve(told), [Symbol.dispose]: () => {} };
}
