import { parseCgroupCounters } from "../hyperstart/mod.ts";
import { connectWithRetry, type Dial, ProxyClient } from "../proxy/mod.ts";

/** Milliseconds in which a guest says it. */
const PATIENCE = 3000;

/**
 * Asks the guest of a pod whether its kernel has killed a process of a container because the container's memory was
 * used up (Documentation/admin-guide/cgroup-v2.rst, `memory.events`).
 *
 * @param url of the pod's proxy; `dial`: another way to it
 * @throws {Error} when proxy or guest do not answer, or the guest does not count that
 */
export async function ranOutOfMemory(
  { url, dial, pod, container }: {
    url: string;
    dial?: Dial | undefined;
    pod: string;
    container: string;
  },
): Promise<boolean> {
  const signal = AbortSignal.timeout(PATIENCE);
  const client = new ProxyClient(
    await (dial ? dial({ signal }) : connectWithRetry(url, { signal })),
  );
  try {
    await client.attachVM({ containerId: pod }, { signal });
    const answer = await client.hyper("containercounters", [], { container }, { signal });
    const events = parseCgroupCounters(answer)["memory.events"] ?? "";
    return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0) > 0;
  } finally {
    client.close();
  }
}
