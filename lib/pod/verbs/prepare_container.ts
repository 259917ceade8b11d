import { Failure } from "../../failure.ts";
import { planDisks, plugDisks, unplugDisks } from "../disks.ts";
import { clearExit } from "../exit_file.ts";
import { giveShim, type ShimStarter } from "../give_shim.ts";
import type { LoadedPod } from "../load_pod.ts";
import type { ContainerRecord } from "../records.ts";
import { shareContainer, unshareContainer } from "../share.ts";
import { Undo } from "../undo.ts";
import { agentOf, type PodTools, vmOf } from "../tools.ts";

/**
 * Gives a container all that its start needs: its files in the share, its streams at the proxy, its shim. It is `ready`
 * then.
 *
 * @param starter of its shim; default: one in the background, with a log
 * @throws {Failure} naming what failed; nothing of it is left then
 */
export async function prepareContainer(
  tools: PodTools,
  loaded: LoadedPod,
  container: ContainerRecord,
  starter?: ShimStarter,
): Promise<ContainerRecord> {
  const { pod, directory } = loaded;
  const { id, config } = container;
  await using undo = new Undo({ pod: pod.id, container: id });
  const vm = vmOf(tools, pod);
  const { pid: vmPid } = vm.process;
  const agent = agentOf(tools, pod);
  using _connection = { [Symbol.dispose]: () => agent.close() };
  if (
    (config.root.kind === "device" || config.devices.length > 0) &&
    !agent.capabilities().blockDevices
  ) {
    throw new Failure(`Cannot prepare the container ${id}: its pod's agent takes no block devices`);
  }
  clearExit(directory, id);
  await shareContainer(directory, vmPid, id, config);
  undo.defer("its shares", () => unshareContainer(directory, vmPid, id));
  const disks = planDisks(config, loaded.containers.filter((each) => each.id !== id));
  // Before they are plugged in: what a command that is killed meanwhile leaves in the VM is known.
  if (disks.length > 0) {
    undo.defer("its record", () => tools.store.writeContainer(container));
    await tools.store.writeContainer({ ...container, disks });
  }
  await plugDisks(vm, disks);
  undo.defer("its disks", () => unplugDisks(vm, disks));
  const { url, token } = await agent.reserveStreams();
  undo.defer("its streams", () => agent.releaseStreams(token));
  const shim = await giveShim(loaded, container, { url, token }, starter);
  undo.defer("its shim", () => shim.end());
  const ready: ContainerRecord = {
    ...container,
    state: "ready",
    held: false,
    reason: null,
    exit: null,
    token,
    shim: shim.record,
    disks,
  };
  await tools.store.writeContainer(ready);
  await shim.keep();
  undo.keep();
  return ready;
}
