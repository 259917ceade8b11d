import type {
  CapabilitySets,
  Constraints,
  FsMap,
  NewContainer,
  Process,
  TmpfsMount,
} from "../../hyperstart/mod.ts";
import type {
  Command,
  ContainerLimits,
  DiskNode,
  GuestContainer,
  MemoryMount,
  SharedMount,
} from "../agent.ts";

/** Name of the root file system's directory below a container's own in the share. */
export const ROOTFS = "rootfs";

/** No set given: the guest takes its default. */
const GUEST_DEFAULT: CapabilitySets = {
  bounding: null,
  effective: null,
  inheritable: null,
  permitted: null,
  ambient: null,
};

/**
 * The guest's form of a command (seed-walkthrough 3.3). `stdio` and `stderr` are left to the proxy. Users and groups
 * stay names, because only the guest may look into the container's files.
 */
export function processMessage(command: Command): Process {
  const { user, group } = splitUser(command);
  return {
    terminal: command.terminal,
    args: command.args,
    envs: command.env,
    workdir: command.cwd,
    ...(user === "" ? {} : { user }),
    ...(group === "" ? {} : { group }),
    ...(command.additionalGroups.length === 0
      ? {}
      : { additionalGroups: command.additionalGroups }),
    ...(command.limits.length === 0 ? {} : { rlimits: command.limits }),
    noNewPrivileges: command.noNewPrivileges,
    capabilities: command.capabilities ?? GUEST_DEFAULT,
    ...(command.size ?? {}),
    ...rarelySet(command),
  };
}

/** What is only sent when it is there: most commands have nothing of it. */
function rarelySet(command: Command): Partial<Process> {
  const { umask, oomScoreAdj, ioPriority, scheduling, personality, seccomp } = command;
  return {
    ...(umask === undefined ? {} : { umask }),
    ...(oomScoreAdj ? { oomScoreAdj } : {}),
    ...(ioPriority ? { ioPriority } : {}),
    ...(scheduling ? { scheduling } : {}),
    ...(personality === undefined ? {} : { personality }),
    ...(seccomp ? { seccomp } : {}),
  };
}

/** `user:group` in one, as some front ends have it: C hyperstart finds no such user. */
function splitUser({ user, group }: Command): { user: string; group: string } {
  const colon = user.indexOf(":");
  if (colon < 0 || group !== "") return { user, group };
  return { user: user.slice(0, colon), group: user.slice(colon + 1) };
}

/** NEWCONTAINER (seed-walkthrough 3.13), in which a root file system is below the share, or on a disk. */
export function containerMessage(container: GuestContainer): NewContainer {
  const { rootDisk, memoryMounts } = container;
  return {
    id: container.id,
    rootfs: ROOTFS,
    image: rootDisk ? rootDisk.name : container.image,
    ...(rootDisk ? { fstype: rootDisk.fstype } : {}),
    ...(rootDisk?.scsiAddr ? { scsiAddr: rootDisk.scsiAddr } : {}),
    process: processMessage(container.command),
    restartPolicy: "",
    initialize: false,
    fsmap: [...container.mounts.map(fsMap), ...container.disks.map(diskMap)],
    systemMountsInfo: { bindMountDev: container.bindMountDev, devShmSize: container.shmSize },
    constraints: constraintsOf(container),
    ...(container.guestRoot ? { guestRoot: true } : {}),
    ...(container.readOnlyRoot ? { readOnly: true } : {}),
    ...(memoryMounts.length > 0 ? { tmpfs: memoryMounts.map(tmpfs) } : {}),
    ...container.details,
  };
}

/** Limits in the guest's form. A quota without a period, or the other way round, limits nothing. */
export function constraintsOf({ cpu, memory, pids, files = {} }: ContainerLimits): Constraints {
  const { quota, period, shares, set = "" } = cpu;
  const limited = quota !== 0 && period !== 0;
  return {
    CPUQuota: limited ? quota : 0,
    CPUPeriod: limited ? period : 0,
    CPUShares: shares,
    ...(set === "" ? {} : { CPUSet: set }),
    ...(memory === 0 ? {} : { MemoryLimit: memory }),
    ...(pids === 0 ? {} : { PidsLimit: pids }),
    ...(Object.keys(files).length === 0 ? {} : { files }),
  };
}

function fsMap({ source, destination, readOnly }: SharedMount): FsMap {
  return {
    source,
    path: destination,
    readOnly,
    dockerVolume: false,
    absolutePath: false,
    scsiAddr: "",
  };
}

function diskMap({ name, scsiAddr, destination, readOnly }: DiskNode): FsMap {
  return {
    source: name === "" ? "" : `/dev/${name}`,
    path: destination,
    readOnly,
    dockerVolume: false,
    absolutePath: true,
    scsiAddr,
  };
}

function tmpfs({ destination, size, mode, readOnly, exec }: MemoryMount): TmpfsMount {
  return { path: destination, size, mode, readOnly, exec };
}
