import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  isServed,
  type LoadedPod,
  loadPod,
  type PodStore,
  type ProxyRecord,
} from "../../../lib/pod/mod.ts";
import { isAlive, openLifePipe, waitForEnd } from "../../../lib/sys/mod.ts";

/** Fails unless a pod's records, as a command reads them, say what truly runs. One that is not there is fine. */
export async function assertTruth(store: PodStore, id: string, when: string): Promise<void> {
  if (!await store.has(id)) return;
  const { pod, containers } = await settled(store, id);
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

/** Fails unless a pod's proxy lets go, within a second, of each container that is not on record with its shim. */
export async function assertNoStrayShims(store: PodStore, id: string, when: string): Promise<void> {
  if (!await store.has(id)) return;
  const known = (await store.readContainers(id)).flatMap(({ shim }) =>
    shim && "life" in shim ? [shim.life] : []
  );
  for (const container of containersIn(store.directory(id).file("containers"))) {
    const path = join(container, "life");
    if (known.includes(path)) continue;
    using stray = openLifePipe(path);
    assert(!stray || await waitForEnd(stray, 1000), `${path} is served, on no record, ${when}`);
  }
}

/** The proxy lets go of a shim that its command has not kept in its own time: what is read just before is out of date. */
async function settled(store: PodStore, id: string): Promise<LoadedPod> {
  const loaded = await loadPod(store, id);
  const isCurrent = loaded.containers.every(({ state, shim }) =>
    state === "stopped" || shim === null || isServed(shim)
  );
  return isCurrent ? loaded : await loadPod(store, id);
}

/** Somebody else's proxy is none of the pod's processes. */
function isThere({ process }: ProxyRecord): boolean {
  return process === null || isAlive(process);
}

function containersIn(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)].map(({ name }) => join(directory, name));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
