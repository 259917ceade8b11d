// Past its room's face: records are read without the making of VMs.
import { readConsoleTail } from "../hypervisor/console_tail.ts";
import { isAlive } from "../sys/mod.ts";
import { readExit } from "./exit_file.ts";
import { isServed } from "./shims.ts";
import { CONSOLE_LOG } from "./pod_logs.ts";
import type { ContainerRecord, PodRecord, ProxyRecord, VmRecord } from "./records.ts";
import type { PodDirectory, PodStore } from "./store.ts";

/** A pod and its containers as they are now. */
export interface LoadedPod {
  directory: PodDirectory;
  pod: PodRecord;
  containers: ContainerRecord[];
}

/**
 * Reads a pod's records and sets them right where processes have ended since they were written: a pod whose VM or proxy
 * is gone has stopped, and so has a container whose shim has left its exit status, or has gone without.
 *
 * @throws {Failure} when there is no such pod
 */
export async function loadPod(store: PodStore, id: string): Promise<LoadedPod> {
  const pod = await store.readPod(id);
  return await setRight(store.directory(id), pod, await store.readContainers(id));
}

/** The same with the records at hand: one that is right stays the object that it is. */
export async function setRight(
  directory: PodDirectory,
  record: PodRecord,
  containers: readonly ContainerRecord[],
): Promise<LoadedPod> {
  const pod = truePod(directory, record);
  return {
    directory,
    pod,
    containers: await Promise.all(containers.map((each) => trueContainer(directory, pod, each))),
  };
}

function truePod(directory: PodDirectory, pod: PodRecord): PodRecord {
  if (pod.state === "stopped" || !pod.vm) return pod;
  const reason = whyDown(directory, pod.vm, pod.proxy);
  return reason === undefined ? pod : { ...pod, state: "stopped", reason };
}

/** Without its VM a pod is gone, without its share its files are; without its proxy nobody can reach it any more. */
function whyDown(
  directory: PodDirectory,
  vm: VmRecord,
  proxy: ProxyRecord | null,
): string | undefined {
  if (!isAlive(vm.process)) {
    const last = readConsoleTail(directory.file(CONSOLE_LOG)).at(-1);
    return `its VM ended${last === undefined ? "" : `: ${last}`}`;
  }
  if (vm.shareDaemon && !isAlive(vm.shareDaemon)) return "the daemon of its share ended";
  return proxy?.process && !isAlive(proxy.process) ? "its proxy ended" : undefined;
}

async function trueContainer(
  directory: PodDirectory,
  pod: PodRecord,
  container: ContainerRecord,
): Promise<ContainerRecord> {
  if (container.state === "stopped") return container;
  const exit = await readExit(directory, container.id);
  if (exit) return { ...container, state: "stopped", exit };
  const stopped = { ...container, state: "stopped" as const };
  if (pod.state === "stopped") return { ...stopped, reason: pod.reason ?? "its pod stopped" };
  // Its maker was killed, or is still at it.
  if (container.token === null) return { ...stopped, reason: "it has not been made to its end" };
  if (container.shim && !isServed(container.shim)) {
    return { ...stopped, reason: "its shim ended without telling how the container did" };
  }
  return container;
}
