import { keepLog } from "../../log.ts";
import { identifyProcess } from "../../sys/mod.ts";
import { addPod } from "../add_pod.ts";
import { bootPod } from "../boot.ts";
import { endPod } from "../end_pod.ts";
import type { PodConfig, PodRecord } from "../records.ts";
import type { LoadedPod } from "../load_pod.ts";
import { POD_LOGS } from "../pod_logs.ts";
import { releaseOutside } from "../release_outside.ts";
import { refillSpares } from "../spares/refill_spares.ts";
import { leaveTemplate } from "../templates/leave_template.ts";
import { type PodTools, vmRecord } from "../tools.ts";
import { Undo } from "../undo.ts";

/**
 * Makes a pod that lives until it is removed, and boots its VM. It is `ready` then: it can take containers.
 *
 * @throws {Failure} when there is one of that name, or it does not start; nothing of it is left then
 */
export async function createPod(
  tools: PodTools,
  id: string,
  config: PodConfig,
  signal: AbortSignal,
): Promise<PodRecord> {
  const { store } = tools;
  using _lock = await store.lock(id, "exclusive");
  await using undo = new Undo({ pod: id });
  // Until it is up it is this command's: what a killed command leaves is garbage.
  const owner = identifyProcess(Deno.pid)!;
  const { directory, record } = await addPod(store, id, config, owner);
  undo.defer("its directory", () => store.remove(id));
  keepLog(directory.file(POD_LOGS.command));
  const up = await bringUp(tools, { directory, pod: record, containers: [] }, signal, undo);
  const lasting: PodRecord = { ...up, owner: null };
  await store.writePod(lasting);
  undo.keep();
  return lasting;
}

/**
 * Boots the VM of a pod that has none, and records it. The pod is `ready` then.
 *
 * @param undo gets what takes it down again, should the caller fail after it
 */
export async function bringUp(
  tools: PodTools,
  { directory, pod }: LoadedPod,
  signal: AbortSignal,
  undo: Undo,
): Promise<PodRecord> {
  const { vm, proxy, agent } = await bootPod({
    directory,
    pod,
    launch: (options) => tools.hypervisor.launch(options),
    dieWithParent: false,
    signal,
    // A pod whose command is killed now is found by what is written here.
    onLaunched: async (vm) => await tools.store.writePod({ ...pod, vm: vmRecord(vm) }),
  });
  undo.defer("what it has outside of its directory", () => releaseOutside(directory));
  undo.defer("its VM", () => endPod({ agent, vm, proxy: proxy.process }, pod.id));
  await agent.collectTrace();
  agent.close();
  const up: PodRecord = { ...pod, state: "ready", reason: null, vm: vmRecord(vm), proxy };
  await tools.store.writePod(up);
  leaveTemplate(tools.store.root, pod.config, vm);
  refillSpares(tools.store.root, pod.config, vm);
  return up;
}
