import type { Agent } from "../agent/mod.ts";
import { Failure } from "../failure.ts";
import type { Hypervisor, Vm } from "../hypervisor/mod.ts";
import { kindsOf } from "./kinds.ts";
import { makeAgent } from "./make_agent.ts";
import type { PodRecord, VmRecord } from "./records.ts";
import type { PodStore } from "./store.ts";

/** What the work on pods is done with. */
export interface PodTools {
  store: PodStore;
  hypervisor: Hypervisor;
}

/** Takes hold of the VM of a pod that has one. @throws {Failure} when it has none */
export function vmOf(tools: PodTools, pod: PodRecord): Vm {
  if (!pod.vm) throw new Failure(`Cannot reach the VM of the pod ${pod.id}: it has none`);
  const directory = tools.store.directory(pod.id).path;
  const { kind } = kindsOf(pod.config).hypervisor;
  return tools.hypervisor.attach({ ...pod.vm, kind, directory });
}

/** What is kept of a VM, so that a later command can take hold of it. */
export function vmRecord({ process, accelerator, shareDaemon, template }: Vm): VmRecord {
  const restored = template?.restored ? { template: template.details.key } : {};
  return { process, accelerator, shareDaemon, ...restored };
}

/** The driver of the guest of a pod that is up; it connects when it is first used. */
export function agentOf(tools: Pick<PodTools, "store">, pod: PodRecord): Agent {
  if (!pod.proxy) throw new Failure(`Cannot reach the guest of the pod ${pod.id}: it has no proxy`);
  return makeAgent(pod, tools.store.directory(pod.id), pod.proxy.url);
}
