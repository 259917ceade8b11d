import { Failure } from "../../failure.ts";
import type { LoadedPod } from "../load_pod.ts";
import { checkName } from "../identifier.ts";
import type { ContainerRecord } from "../records.ts";
import type { PodStore } from "../store.ts";

/** A container of a pod. @throws {Failure} when the pod has none of that name */
export function findContainer({ pod, containers }: LoadedPod, id: string): ContainerRecord {
  const found = containers.find((each) => each.id === id);
  if (found) return found;
  throw new Failure(`Cannot find the container ${id} in the pod ${pod.id}`, {
    hint: "See podvisor container list",
  });
}

/**
 * The pod that has a container of this name.
 *
 * @param pod its name, when it was given
 * @throws {Failure} when none has, or more than one
 */
export async function findPodOf(
  store: PodStore,
  id: string,
  pod: string | undefined,
): Promise<string> {
  checkName("container", id);
  if (pod !== undefined) return pod;
  const pods: string[] = [];
  for (const each of await store.list()) {
    if (await store.hasContainer(each, id)) pods.push(each);
  }
  if (pods.length === 1) return pods[0]!;
  if (pods.length === 0) {
    throw new Failure(`Cannot find the container ${id}`, { hint: "See podvisor container list" });
  }
  throw new Failure(
    `Cannot tell which container ${id} is meant: the pods ${pods.join(", ")} have one`,
    {
      hint: "Say which with --pod NAME",
    },
  );
}
