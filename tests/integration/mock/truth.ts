import { assert, assertEquals } from "@std/assert";
import { isServed, loadPod, type PodStore, type ProxyRecord } from "../../../lib/pod/mod.ts";
import { isAlive } from "../../../lib/sys/mod.ts";

/** Fails unless a pod's records, as a command reads them, say what truly runs. One that is not there is fine. */
export async function assertTruth(store: PodStore, id: string, when: string): Promise<void> {
  if (!await store.has(id)) return;
  const { pod, containers } = await loadPod(store, id);
  if (pod.state === "stopped") {
    const up = pod.vm && pod.proxy && isAlive(pod.vm.process) && isThere(pod.proxy);
    assert(!up, `the pod is said to have stopped ${when}`);
  } else {
    assert(pod.vm && isAlive(pod.vm.process), `said to be ${pod.state} without a VM ${when}`);
    assert(pod.proxy && isThere(pod.proxy), `${pod.state} without a proxy ${when}`);
  }
  for (const { state, shim, reason, exit } of containers) {
    if (state === "stopped") assert(reason !== null || exit !== null, `nothing is told ${when}`);
    else {assert(
        shim && isServed(shim),
        `the container is said to be ${state}, its shim gone ${when}`,
      );}
    if (pod.state === "stopped") assertEquals(state, "stopped", when);
  }
}

/** Somebody else's proxy is none of the pod's processes. */
function isThere({ process }: ProxyRecord): boolean {
  return process === null || isAlive(process);
}
