import { waitForEnd } from "../../sys/mod.ts";
import { loadPod } from "../load_pod.ts";
import type { ContainerRecord } from "../records.ts";
import { openShim } from "../shims.ts";
import type { PodStore } from "../store.ts";
import { findContainer } from "./find_container.ts";

/** How often a container without a shim is looked at, in milliseconds. */
const INTERVAL = 200;

/**
 * Waits until a container has stopped.
 *
 * @throws {Failure} when there is no such container, or it is removed meanwhile
 */
export async function waitForContainer(
  store: PodStore,
  pod: string,
  id: string,
): Promise<ContainerRecord> {
  for (;;) {
    const container = findContainer(await loadPod(store, pod), id);
    if (container.state === "stopped") return container;
    using shim = container.shim ? openShim(container.shim) : undefined;
    if (shim) await waitForEnd(shim);
    else await new Promise((resolve) => setTimeout(resolve, INTERVAL));
  }
}
