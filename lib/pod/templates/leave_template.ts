import type { Vm } from "../../hypervisor/mod.ts";
import { getLogger } from "../../log.ts";
import { selfCommand, spawn } from "../../sys/mod.ts";
import type { PodConfig } from "../records.ts";
import { shapeOptions } from "./shape_options.ts";

/**
 * Has the template of a pod made in the background, where the pod is to leave one and there is none. The command that
 * does it goes on when this one ends.
 *
 * @param root state directory
 * @param vm of the pod, as it was started
 */
export function leaveTemplate(root: string, pod: PodConfig, { template }: Vm): void {
  if (pod.template !== "auto" || !template || template.restored) return;
  const { details } = template;
  const command = selfCommand([
    ...["--root", root, "template", "build", "--background"],
    ...shapeOptions(pod, details),
  ]);
  try {
    spawn({ command, detached: true });
    getLogger("template").info("template is being made in the background", { key: details.key });
  } catch (error) {
    // The pod is none the worse for it.
    getLogger("template").warn("template cannot be made", { key: details.key, error });
  }
}
