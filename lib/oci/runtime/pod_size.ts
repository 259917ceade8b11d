import { MAX_MEMORY_MIB, MAX_VCPUS } from "../../config/mod.ts";
import type { LoadedPod, PodConfig } from "../../pod/mod.ts";
import type { EngineSpec } from "./engine_spec.ts";

const MEBIBYTE = 2 ** 20;
/** What containerd's CRI tells of all containers of a pod, when it makes the sandbox. */
const SANDBOX_MEMORY = "io.kubernetes.cri.sandbox-memory";
const SANDBOX_QUOTA = "io.kubernetes.cri.sandbox-cpu-quota";
const SANDBOX_PERIOD = "io.kubernetes.cri.sandbox-cpu-period";

type Size = Pick<PodConfig, "memoryMiB" | "vcpus">;
/** A size, and the most processors that there can be. */
type BoundedSize = Size & Pick<PodConfig, "maxVcpus">;

/**
 * The size of the VM for a container: what the configuration gives a pod, and what the container is allowed beside. So
 * a container can use all of its limit while the guest's own needs are met. It has no more processors than it can have.
 */
export function podSize(
  { memoryMiB, vcpus, maxVcpus = MAX_VCPUS }: BoundedSize,
  spec: EngineSpec,
): Size {
  const { annotations = {}, linux: { resources: { memory = {}, cpu = {} } = {} } = {} } = spec;
  const limit = Math.max(memory.limit ?? 0, numberOf(annotations[SANDBOX_MEMORY]));
  const { quota = numberOf(annotations[SANDBOX_QUOTA]) } = cpu;
  const { period = numberOf(annotations[SANDBOX_PERIOD]) } = cpu;
  const wanted = quota > 0 && period > 0 ? Math.ceil(quota / period) : 1;
  return {
    memoryMiB: Math.min(memoryMiB + Math.ceil(limit / MEBIBYTE), MAX_MEMORY_MIB),
    vcpus: Math.min(Math.max(vcpus, wanted), maxVcpus),
  };
}

/**
 * The size of a pod's VM when one more container joins it: what the configuration gives a pod, and the limits of all
 * its containers. It is never less than it has.
 */
export function sizeWith({ pod, containers }: LoadedPod, defaults: Size, spec: EngineSpec): Size {
  const others = containers.reduce((sum, { config }) => sum + config.memory, 0);
  const memoryMiB = defaults.memoryMiB + Math.ceil(others / MEBIBYTE);
  const { maxVcpus = MAX_VCPUS } = pod.config;
  const wanted = podSize({ memoryMiB, vcpus: defaults.vcpus, maxVcpus }, spec);
  return {
    memoryMiB: Math.max(wanted.memoryMiB, pod.config.memoryMiB),
    vcpus: Math.max(wanted.vcpus, pod.config.vcpus),
  };
}

function numberOf(text = "0"): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
