import type { Agent } from "../agent/mod.ts";
import type { Vm } from "../hypervisor/mod.ts";

/** The kernel adds memory in blocks of this size, in MiB. */
const MEMORY_BLOCK = 128;

/** What a VM is to have. */
export interface VmSize {
  vcpus: number;
  memoryMiB: number;
}

/** Whether one is larger than another in any way. */
export function isLarger(one: VmSize, other: VmSize): boolean {
  return one.vcpus > other.vcpus || one.memoryMiB > other.memoryMiB;
}

/** Plugs into a VM what it has too little of. @throws {Failure} when it cannot have so much; what was added stays */
export async function plugMissing(vm: Vm, wanted: VmSize): Promise<void> {
  const now = await vm.resources();
  if (wanted.vcpus > now.vcpus) await vm.addVcpus(wanted.vcpus - now.vcpus);
  const missing = wanted.memoryMiB - now.memoryMiB;
  if (missing > 0) await vm.addMemory(Math.ceil(missing / MEMORY_BLOCK) * MEMORY_BLOCK);
}

/** Gives a pod that is up what it has too little of, and has its guest use it. @throws {Failure} */
export async function growTo(vm: Vm, agent: Agent, wanted: VmSize): Promise<void> {
  await plugMissing(vm, wanted);
  await agent.onlineCPUMem({ cpus: wanted.vcpus, memoryMiB: wanted.memoryMiB });
}
