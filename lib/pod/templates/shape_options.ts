import type { TemplateDetails } from "../../hypervisor/mod.ts";
import { kindsOf } from "../kinds.ts";
import type { PodConfig } from "../records.ts";

/** The command line's options for a pod of the shape of a pod's template. */
export function shapeOptions(pod: PodConfig, shape: TemplateDetails): string[] {
  const { memoryMiB, vcpus, network } = shape;
  const { path } = kindsOf(pod).hypervisor;
  return [
    ...["--memory", `${memoryMiB}M`, "--cpus", String(vcpus), "--network", network],
    ...["--share", "9p", "--proxy", "builtin", "--agent", "hyperstart"],
    ...["--hypervisor", path === null ? "qemu" : `qemu=${path}`],
    ...pod.kernel === null ? [] : ["--kernel", pod.kernel],
  ];
}
