import { getLogger } from "../../log.ts";
import { unplugDisks } from "../disks.ts";
import type { LoadedPod } from "../load_pod.ts";
import type { ContainerRecord } from "../records.ts";
import { unshareContainer } from "../share.ts";
import { agentOf, type PodTools, vmOf } from "../tools.ts";

/**
 * Takes from a pod that is up what a container that has ended still has in it: its name in the guest, which one that
 * ended by itself keeps, its shares and its disks.
 */
export async function clearContainer(
  tools: PodTools,
  { pod, directory }: LoadedPod,
  container: ContainerRecord,
): Promise<ContainerRecord> {
  const { id } = container;
  const agent = agentOf(tools, pod);
  try {
    await agent.removeContainer(id);
  } catch (error) {
    const log = getLogger("container", { pod: pod.id, container: id });
    log.debug("guest did not know the container", { error });
  } finally {
    agent.close();
  }
  const vm = vmOf(tools, pod);
  unshareContainer(directory, vm.process.pid, id);
  const disks = await unplugDisks(vm, container.disks);
  const cleared: ContainerRecord = { ...container, disks };
  await tools.store.writeContainer(cleared);
  return cleared;
}
