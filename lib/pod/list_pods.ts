import { Failure } from "../failure.ts";
import { loadPod } from "./load_pod.ts";
import type { ContainerRecord } from "./records.ts";
import type { LifeState } from "./state_machine.ts";
import type { PodStore } from "./store.ts";

/** A pod in a list. */
export interface PodSummary {
  id: string;
  state: LifeState;
  reason: string | null;
  created: string;
  /** How many containers it has. */
  containers: number;
  memoryMiB: number;
  vcpus: number;
}

/** Every pod as it is now, in order of name. One that is just being made or removed is left out. */
export async function listPods(store: PodStore): Promise<PodSummary[]> {
  const loaded = await loadAll(store, await store.list());
  return loaded.map(({ pod, containers }) => ({
    id: pod.id,
    state: pod.state,
    reason: pod.reason,
    created: pod.created,
    containers: containers.length,
    memoryMiB: pod.config.memoryMiB,
    vcpus: pod.config.vcpus,
  }));
}

/** Every container of one pod, or of all, in order of pod and name. */
export async function listContainers(
  store: PodStore,
  pod: string | undefined,
): Promise<ContainerRecord[]> {
  if (pod !== undefined) return (await loadPod(store, pod)).containers;
  return (await loadAll(store, await store.list())).flatMap(({ containers }) => containers);
}

async function loadAll(store: PodStore, ids: readonly string[]) {
  const loaded = await Promise.all(ids.map(async (id) => {
    try {
      return await loadPod(store, id);
    } catch (error) {
      if (error instanceof Failure) return undefined;
      throw error;
    }
  }));
  return loaded.filter((each) => each !== undefined);
}
