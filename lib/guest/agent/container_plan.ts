import type { Fd } from "../../sys/mod.ts";
import type { Cgroup } from "./cgroup.ts";
import { normal, type PlannedMounts } from "./container_mounts.ts";
import { lookUpPaths } from "./container_paths.ts";
import type { ContainerPlan } from "./container_program.ts";
import { presentDevices } from "./devices.ts";
import { kernelFacts } from "./kernel_facts.ts";
import { hasOwnName, type NamespacePlan } from "./namespaces.ts";
import type { ProcessPlan } from "./process_program.ts";
import { type ContainerSpec, Refusal } from "./runtime.ts";
import { tryOpenInTree } from "./small_file.ts";

/** mount(2), MS_… */
const PROPAGATIONS: Readonly<Record<string, number>> = {
  "": 0,
  private: 0,
  slave: 0,
  unbindable: 1 << 17,
  shared: 1 << 20,
};
/** Of a container whose /proc and /sys are made already. */
const NOTHING_TO_HIDE = { masked: [], readOnlyPaths: [] };

/** What has been found out and made for a container before its start is planned. */
export interface ContainerParts {
  root: Fd;
  planned: PlannedMounts;
  cgroup: Cgroup | undefined;
  process: ProcessPlan;
  namespaces: NamespacePlan;
  /** Takes what cannot be had. */
  warnings: string[];
  /** Whether its process has waited for it, in its namespaces. */
  isParked: boolean;
  /** Whether that is in its root already. */
  isEntered: boolean;
  podName: string;
  /** The pod's name, where it is the machine's; otherwise empty. */
  machineName: string;
}

/**
 * Plans the start of a container's first process.
 *
 * @throws {Refusal} for what this machine cannot do
 */
export function planContainer(
  spec: ContainerSpec,
  {
    root,
    planned: { mounts, devpts, guestDev, readOnlyDev },
    cgroup,
    process,
    namespaces,
    warnings,
    isParked,
    isEntered,
    podName,
    machineName,
  }: ContainerParts,
): ContainerPlan {
  using workdir = tryOpenInTree(root.number, process.workdir);
  const facts = isParked ? NOTHING_TO_HIDE : kernelFacts();
  const { hostname, domainname, maskedPaths, readonlyPaths } = spec;
  const isNamed = hasOwnName(namespaces);
  if (!isNamed && hostname !== "" && hostname !== podName) {
    throw new Refusal(`Cannot set the host name ${hostname}: it would be others' too`);
  }
  const propagation = PROPAGATIONS[spec.propagation];
  if (propagation === undefined) {
    throw new Refusal(`Cannot set the root's propagation: ${spec.propagation} is unknown`);
  }
  return {
    root: isEntered ? undefined : root.number,
    devpts: devpts.number,
    procs: cgroup?.procs.number,
    namespaces,
    // One that has waited has the name that the machine had then.
    hostname: isNamed ? hostname || (isParked ? machineName : "") : "",
    domainname: isNamed ? domainname : "",
    mounts,
    guestDev,
    readOnlyDev,
    devices: presentDevices(spec.devices, warnings),
    masked: maskedPaths ? lookUpPaths(maskedPaths, root, mounts) : facts.masked,
    readOnlyPaths: readonlyPaths ? lookUpPaths(readonlyPaths, root, mounts) : facts.readOnlyPaths,
    readOnlyRoot: spec.readOnly,
    propagation,
    sysctl: spec.sysctl,
    makeWorkdir: !workdir,
    held: spec.held,
    process: { ...process, workdir: normal(process.workdir) },
  };
}
