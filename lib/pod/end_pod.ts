import type { Agent } from "../agent/mod.ts";
import type { Vm } from "../hypervisor/mod.ts";
import { getLogger } from "../log.ts";
import {
  endProcess,
  isAlive,
  killProcess,
  killProcesses,
  type ProcessIdentity,
} from "../sys/mod.ts";
import { trace } from "../trace.ts";
import type { LoadedPod } from "./load_pod.ts";
import { keepsNothing } from "./keeps_nothing.ts";
import type { PodRecord } from "./records.ts";
import { withinTime } from "./within_time.ts";

/**
 * How long the guest may take to come down before its VM is killed, in milliseconds: its processes have a second, their
 * output two more, and then what was written to disks has to get there.
 */
const STOP_TIMEOUT = 10_000;

/** What a running pod consists of. */
export interface PodParts {
  agent: Agent;
  vm: Vm;
  /** null when somebody else runs the proxy. */
  proxy: ProcessIdentity | null;
}

/**
 * Takes a pod's guest down as far as it answers, and its VM and proxy in any case.
 *
 * @returns what went wrong in the guest, for the log; the pod is down all the same
 */
export async function endPod({ agent, vm, proxy }: PodParts, id: string): Promise<void> {
  using _end = trace("end the pod");
  const log = getLogger("pod", { pod: id });
  const down = agent.stopPod().catch((error) => {
    // A guest that nobody can reach any more is no news: that is why the pod ends.
    const reachable = isAlive(vm.process) && (proxy === null || isAlive(proxy));
    log[reachable ? "warn" : "debug"]("guest not taken down in order", { error });
  });
  await withinTime(Promise.race([down, vm.ended]), STOP_TIMEOUT);
  agent.close();
  using _kill = trace("end QEMU and proxy");
  await Promise.all([vm.kill(), endProcess(proxy)]);
}

/** Ends a pod at once, whose guest has nothing left to do. */
export async function killPod({ agent, vm, proxy }: PodParts): Promise<void> {
  using _kill = trace("kill the pod");
  agent.close();
  await Promise.all([vm.kill(), killProcess(proxy)]);
}

/** Whether nothing is lost when a pod's guest is not asked: its containers have ended, and all that they wrote is here. */
export function hasNothingLeft({ pod, containers }: LoadedPod): boolean {
  return pod.proxy?.process != null && containers.every(({ exit }) => exit !== null) &&
    keepsNothing(pod.config, containers.map(({ config }) => config));
}

/** The same as {@linkcode killPod} by the pod's record alone. */
export async function killRecorded({ vm, proxy }: PodRecord): Promise<void> {
  const processes = [vm?.process, vm?.shareDaemon, proxy?.process];
  await killProcesses(processes.filter((each) => each != null));
}
