import { MAX_MEMORY_MIB, MAX_VCPUS } from "../../config/mod.ts";
import type { PodConfig } from "../../pod/mod.ts";
import type { EngineSpec } from "./engine_spec.ts";

/**
 * The size of the VM for a container: what the configuration gives a pod, and what the container is allowed beside. So
 * a container can use all of its limit while the guest's own needs are met.
 */
export function podSize(
  { memoryMiB, vcpus }: Pick<PodConfig, "memoryMiB" | "vcpus">,
  { linux: { resources: { memory = {}, cpu = {} } = {} } = {} }: EngineSpec,
): Pick<PodConfig, "memoryMiB" | "vcpus"> {
  const limit = Math.ceil(Math.max(memory.limit ?? 0, 0) / 2 ** 20);
  const { quota = 0, period = 0 } = cpu;
  const wanted = quota > 0 && period > 0 ? Math.ceil(quota / period) : 1;
  return {
    memoryMiB: Math.min(memoryMiB + limit, MAX_MEMORY_MIB),
    vcpus: Math.min(Math.max(vcpus, wanted), MAX_VCPUS),
  };
}
