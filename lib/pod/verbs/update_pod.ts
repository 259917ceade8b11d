import { Failure } from "../../failure.ts";
import { plugMissing } from "../grow.ts";
import type { LoadedPod } from "../load_pod.ts";
import type { PodRecord } from "../records.ts";
import { agentOf, type PodTools, vmOf } from "../tools.ts";
import { changePod } from "./change_pod.ts";
import { checkUp } from "./check_up.ts";

/** What a pod is to have; undefined: as much as now. */
export interface PodGrowth {
  vcpus: number | undefined;
  memoryMiB: number | undefined;
}

/**
 * Lets a pod have more processors and memory. In one that is up they are plugged in and brought online.
 *
 * @throws {Failure} when it is to have less, or its VM cannot have so much. What was added before the failure stays, and
 *   is in its record
 */
export async function updatePod(
  tools: PodTools,
  id: string,
  growth: PodGrowth,
): Promise<PodRecord> {
  return await changePod(tools.store, id, async (loaded) => {
    const { pod } = loaded;
    const { vcpus = pod.config.vcpus, memoryMiB = pod.config.memoryMiB } = growth;
    checkGrowth(pod, "processors", pod.config.vcpus, vcpus);
    checkGrowth(pod, "MiB of memory", pod.config.memoryMiB, memoryMiB);
    checkRoom(pod, vcpus);
    const updated: PodRecord = { ...pod, config: { ...pod.config, vcpus, memoryMiB } };
    if (pod.state !== "stopped") return await grow(tools, loaded, { vcpus, memoryMiB });
    await tools.store.writePod(updated);
    return updated;
  });
}

function checkGrowth({ id }: PodRecord, what: string, now: number, wanted: number): void {
  if (wanted >= now) return;
  throw new Failure(`Cannot take ${what} from the pod ${id}: it has ${now}, and can only grow`, {
    hint: "Make another pod that is smaller",
  });
}

/** A VM takes no more; one that is not up would not start. */
function checkRoom({ id, config }: PodRecord, vcpus: number): void {
  const { maxVcpus = vcpus } = config;
  if (vcpus <= maxVcpus) return;
  throw new Failure(`Cannot give the pod ${id} ${vcpus} processors: it can have ${maxVcpus}`, {
    hint: "Make another pod with more --max-cpus, or max_vcpus in the configuration",
  });
}

async function grow(
  tools: PodTools,
  { pod }: LoadedPod,
  wanted: { vcpus: number; memoryMiB: number },
): Promise<PodRecord> {
  checkUp(pod.state, "add to the pod", pod.id);
  const vm = vmOf(tools, pod);
  try {
    await plugMissing(vm, wanted);
  } finally {
    const { vcpus, memoryMiB } = await vm.resources();
    pod.config = { ...pod.config, vcpus, memoryMiB };
    await tools.store.writePod(pod);
  }
  const { vcpus: cpus, memoryMiB } = pod.config;
  const agent = agentOf(tools, pod);
  using _connection = { [Symbol.dispose]: () => agent.close() };
  await agent.onlineCPUMem({ cpus, memoryMiB });
  return pod;
}
