import type { Vm } from "../../hypervisor/mod.ts";
import { getLogger } from "../../log.ts";
import { selfCommand, spawn } from "../../sys/mod.ts";
import { kindsOf } from "../kinds.ts";
import type { PodConfig } from "../records.ts";

/**
 * Has the template of a pod made in the background, where the pod is to leave one and there is none. The command that
 * does it goes on when this one ends.
 *
 * @param root state directory
 * @param vm of the pod, as it was started
 */
export function leaveTemplate(root: string, pod: PodConfig, { template }: Vm): void {
  if (pod.template !== "auto" || !template || template.restored) return;
  const { key, memoryMiB, vcpus, network } = template.details;
  const { path } = kindsOf(pod).hypervisor;
  const command = selfCommand([
    ...["--root", root, "template", "build", "--background"],
    ...["--memory", `${memoryMiB}M`, "--cpus", String(vcpus), "--network", network],
    ...["--share", "9p", "--proxy", "builtin", "--agent", "hyperstart"],
    ...["--hypervisor", path === null ? "qemu" : `qemu=${path}`],
    ...pod.kernel === null ? [] : ["--kernel", pod.kernel],
  ]);
  try {
    spawn({ command, detached: true });
    getLogger("template").info("template is being made in the background", { key });
  } catch (error) {
    // The pod is none the worse for it.
    getLogger("template").warn("template cannot be made", { key, error });
  }
}
