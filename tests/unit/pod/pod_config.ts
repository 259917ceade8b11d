import { BUILTIN_KINDS, type PodConfig } from "../../../lib/pod/mod.ts";

/** A plain pod, but for what `more` says. */
export function podConfig(more: Partial<PodConfig> = {}): PodConfig {
  return {
    hostname: "pod1",
    memoryMiB: 512,
    vcpus: 1,
    network: { kind: "none" },
    share: "9p",
    kernel: null,
    kinds: BUILTIN_KINDS,
    ...more,
  };
}
