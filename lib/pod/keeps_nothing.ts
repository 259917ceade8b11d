import type { ContainerConfig, PodConfig } from "./records.ts";

/**
 * Whether all that containers have written is on the host as soon as their processes have ended. What a guest writes to
 * 9p it writes through, and maps of files are written when they end; disks have file systems of the guest's own.
 */
export function keepsNothing(
  pod: Pick<PodConfig, "share" | "guest">,
  containers: readonly ContainerConfig[],
): boolean {
  return pod.share === "9p" && !pod.guest &&
    containers.every(({ root, devices }) => root.kind !== "device" && devices.length === 0);
}
