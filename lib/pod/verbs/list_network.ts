import { describeNetwork, type NetworkView } from "../network/describe_network.ts";
import { readNetworkRecord } from "../network/network_record.ts";
import { loadPod } from "../load_pod.ts";
import type { PodStore } from "../store.ts";

/** What a pod has of networks; nothing, once it has stopped. @throws {Failure} when there is no such pod */
export async function listNetwork(store: PodStore, id: string): Promise<NetworkView> {
  const { pod, directory } = await loadPod(store, id);
  if (pod.state === "stopped") return { interfaces: [], routes: [] };
  return describeNetwork(pod.config, await readNetworkRecord(directory));
}
