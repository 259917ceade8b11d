import type { CapabilitySets, FsMap, NewContainer, Process } from "../../hyperstart/mod.ts";
import type { Command, GuestContainer, SharedMount } from "../agent.ts";

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
  };
}

/** `user:group` in one, as some front ends have it: C hyperstart finds no such user. */
function splitUser({ user, group }: Command): { user: string; group: string } {
  const colon = user.indexOf(":");
  if (colon < 0 || group !== "") return { user, group };
  return { user: user.slice(0, colon), group: user.slice(colon + 1) };
}

/** NEWCONTAINER for a container whose root file system and mounts lie below the share (seed-walkthrough 3.13). */
export function containerMessage(container: GuestContainer): NewContainer {
  const { quota, period, shares } = container.cpu;
  const limited = quota !== 0 && period !== 0;
  return {
    id: container.id,
    rootfs: ROOTFS,
    image: container.image,
    process: processMessage(container.command),
    restartPolicy: "",
    initialize: false,
    fsmap: container.mounts.map(fsMap),
    systemMountsInfo: { bindMountDev: false, devShmSize: container.shmSize },
    constraints: {
      CPUQuota: limited ? quota : 0,
      CPUPeriod: limited ? period : 0,
      CPUShares: shares,
    },
    ...(container.readOnlyRoot ? { readOnly: true } : {}),
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
