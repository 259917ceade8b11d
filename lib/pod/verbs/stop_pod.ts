import { killProcesses } from "../../sys/mod.ts";
import { endPod, hasNothingLeft, killRecorded } from "../end_pod.ts";
import { findPodProcesses } from "../find_processes.ts";
import { type LoadedPod, loadPod } from "../load_pod.ts";
import { releaseOutside } from "../release_outside.ts";
import { unshareContainer } from "../share.ts";
import { killShim } from "../shims.ts";
import { checkMove } from "../state_machine.ts";
import { agentOf, type PodTools, vmOf } from "../tools.ts";
import type { PodRecord } from "../records.ts";
import { changePod } from "./change_pod.ts";

/**
 * Stops a pod: its containers, its guest, its VM. A paused one is let go on for it; of one whose guest is dead the rest
 * is stopped all the same.
 *
 * @throws {Failure} when it has stopped already
 */
export async function stopPod(tools: PodTools, id: string): Promise<PodRecord> {
  return await changePod(tools.store, id, async (loaded) => {
    checkMove(`pod ${id}`, loaded.pod.state, "stopped");
    return await takeDown(tools, loaded);
  });
}

/** Ends the VM and the proxy of a pod in any state: at once, where nothing is lost with its guest. */
export async function endParts(tools: PodTools, loaded: LoadedPod): Promise<void> {
  const { pod } = loaded;
  if (!pod.vm || !pod.proxy) return;
  if (hasNothingLeft(loaded)) return await killRecorded(pod);
  const vm = vmOf(tools, pod);
  const proxy = pod.proxy.process;
  const parts = { agent: agentOf(tools, pod), vm, proxy };
  // A guest that stands still cannot take its containers down.
  if (pod.state === "paused") await vm.resume().catch(() => {});
  await endPod(parts, pod.id);
}

/** Takes a pod down that is in any state. */
export async function takeDown(tools: PodTools, loaded: LoadedPod): Promise<PodRecord> {
  const { store } = tools;
  const { pod, directory } = loaded;
  await endParts(tools, loaded);
  // One whose start was cut short has parts that were never recorded.
  if (!pod.vm || !pod.proxy) {
    const strays = findPodProcesses(directory.path);
    await killProcesses(strays);
  }
  await releaseOutside(directory);
  const after = await loadPod(store, pod.id);
  for (const container of after.containers) {
    await killShim(pod, container);
    unshareContainer(directory, undefined, container.id);
    const reason = container.exit ? null : container.reason ?? "its pod was stopped";
    await store.writeContainer({
      ...container,
      state: "stopped",
      held: false,
      reason,
      token: null,
      shim: null,
      disks: [],
    });
  }
  const stopped: PodRecord = {
    ...pod,
    state: "stopped",
    vm: null,
    proxy: null,
  };
  await store.writePod(stopped);
  return stopped;
}
