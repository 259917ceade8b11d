import type { ContainerConfig } from "../pod/mod.ts";
import { bundleOf } from "./bundle.ts";
import { exampleSpec } from "./example_spec.ts";
import type { Spec } from "./spec.ts";

/** Most processes that a container of an engine may have. */
const PIDS = 2048;

/**
 * A container with what engines mostly ask for, that does nothing: a guest that has had one makes the next sooner. Its
 * root is whoever uses it to say.
 *
 * @param file on the host, to be bound into it as engines bind /etc/hosts
 */
export async function engineContainer(file: string): Promise<ContainerConfig> {
  const { process, mounts = [], linux, ...spec } = exampleSpec() as Spec;
  const { container } = await bundleOf({
    ...spec,
    process: {
      ...process,
      terminal: false,
      user: { uid: 0, gid: 0, umask: 0o22, additionalGids: [1] },
      oomScoreAdj: 0,
    },
    mounts: [
      ...mounts,
      { destination: "/etc/hosts", type: "bind", source: file, options: ["rbind", "rprivate"] },
    ],
    linux: {
      ...linux,
      resources: { ...linux?.resources, pids: { limit: PIDS } },
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["kexec_load"], action: "SCMP_ACT_ERRNO" }],
      },
    },
  }, "/");
  return container;
}
