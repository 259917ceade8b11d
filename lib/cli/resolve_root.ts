import type { Paths } from "../config/mod.ts";
import type { ContainerConfig } from "../pod/mod.ts";
import { busyboxRoot } from "../storage/mod.ts";
import type { ContainerRequest } from "./container_options.ts";

/** A container's configuration with the built-in root file system made, where that was asked for. */
export async function resolveRoot(
  { root, container }: Pick<ContainerRequest, "root" | "container">,
  paths: Paths,
  busybox: () => Promise<string>,
): Promise<ContainerConfig> {
  if (root !== "builtin") return { ...container, root };
  return {
    ...container,
    root: { kind: "overlay", lower: await busyboxRoot(paths.cache, await busybox()) },
  };
}
