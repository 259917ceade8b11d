import { basename, join } from "@std/path";
import {
  type ContainerDetails,
  type ContainerLimits,
  type GuestContainer,
  ROOTFS,
  type SharedMount,
} from "../agent/mod.ts";
import { Failure, messageOf } from "../failure.ts";
import type { DiskOptions } from "../hypervisor/mod.ts";
import { attachMount, attachOverlay, detachMount } from "../sys/mod.ts";
import { guestDisks } from "./disks.ts";
import type { ContainerConfig, ContainerRecord, RootConfig, VolumeConfig } from "./records.ts";
import type { PodDirectory } from "./store.ts";

/**
 * Shows a container's root file system and volumes to the guest: bind mounts below the shared directory, made in the
 * mount namespace of the VM. The guest cannot write to the directories above them, so no name that it makes is ever
 * followed on the host; and what it can write to ends with the VM, so removing the pod never meets it.
 *
 * @param vm pid of the VM, or of any process in its mount namespace
 * @throws {Failure} naming what could not be shared; nothing of it is then left
 */
export async function shareContainer(
  directory: PodDirectory,
  vm: number,
  id: string,
  config: ContainerConfig,
): Promise<void> {
  await using undo = new AsyncDisposableStack();
  undo.defer(() => unshareContainer(directory, vm, id));
  if (config.root.kind !== "device") {
    const root = join(directory.share, id, ROOTFS);
    Deno.mkdirSync(root, { recursive: true, mode: 0o755 });
    attachRoot(directory, vm, id, config.root, root);
  }
  for (const [index, volume] of config.volumes.entries()) {
    if (isGuestDevices(volume)) continue;
    const target = join(directory.share, volumeName(id, index, volume.destination));
    await makeTarget(volume.source, target);
    attachVolume(vm, volume, target);
  }
  undo.move();
}

/**
 * A container as the guest is to make it, from what {@linkcode shareContainer} shares of it.
 *
 * @param disks what has been plugged into the VM for it
 * @param others containers of its pod
 */
export function guestContainer(
  id: string,
  config: ContainerConfig,
  disks: readonly DiskOptions[],
  others: readonly ContainerRecord[] = [],
): GuestContainer {
  const { volumes, readOnlyRoot, command, memoryMounts, shmSize, details } = config;
  const mounts = volumes.flatMap((volume, index): SharedMount[] => {
    const { destination, readOnly } = volume;
    if (isGuestDevices(volume)) return [];
    return [{ source: volumeName(id, index, destination), destination, readOnly }];
  });
  return {
    id,
    image: id,
    readOnlyRoot,
    command,
    mounts,
    ...guestDisks(config, disks),
    memoryMounts,
    ...limitsOf(config),
    shmSize,
    bindMountDev: volumes.some(isGuestDevices),
    ...(details ? { details: placed(id, details, others) } : {}),
  };
}

/** The same for a container of which nothing is seen later. */
export function passingContainer(
  id: string,
  config: ContainerConfig,
  disks: readonly DiskOptions[],
): GuestContainer {
  const container = guestContainer(id, config, disks);
  return config.root.kind === "overlay" ? { ...container, guestRoot: true } : container;
}

/**
 * What only its pod knows: the namespaces of a container's shim stand for those of the container, and one that its
 * engine has no name for has that of the pod.
 */
function placed(
  id: string,
  details: ContainerDetails,
  others: readonly ContainerRecord[],
): ContainerDetails {
  const namespaces = Object.entries(details.namespaces).map(([kind, path]) => {
    const pid = Number(/^\/proc\/(\d+)\//.exec(path)?.[1]);
    const container = others.find(({ shim }) => shim && "pid" in shim && shim.pid === pid);
    return [kind, container ? `container:${container.id}` : path];
  });
  const { startHooks } = details;
  return {
    ...details,
    namespaces: Object.fromEntries(namespaces),
    ...(startHooks ? { startHooks: { ...startHooks, state: named(startHooks.state, id) } } : {}),
  };
}

/** The state that hooks are told, of a container that has a name. */
function named(text: string, id: string): string {
  const state = JSON.parse(text);
  return state.id === "" ? JSON.stringify({ ...state, id }) : text;
}

/** The host's /dev on the container's: it stands for the VM's own (virtcontainers-behaviour 6). */
function isGuestDevices({ source, destination }: VolumeConfig): boolean {
  return source === "/dev" && destination === "/dev";
}

function limitsOf({ cpu, memory, pids, files }: ContainerLimits): ContainerLimits {
  return { cpu, memory, pids, ...(files ? { files } : {}) };
}

/** Takes away what {@linkcode shareContainer} made; what is not there is fine. The VM may be gone already. */
export function unshareContainer(
  directory: PodDirectory,
  vm: number | undefined,
  id: string,
): void {
  const own = (name: string) => name === id || name.startsWith(`${id}:`);
  for (const { name } of Deno.readDirSync(directory.share)) {
    if (!own(name)) continue;
    const target = join(directory.share, name);
    if (vm !== undefined) detach(vm, name === id ? join(target, ROOTFS) : target);
    Deno.removeSync(target, { recursive: true });
  }
}

/** A colon is in no container's name, so that no container's volumes are taken for another's. */
function volumeName(id: string, index: number, destination: string): string {
  return `${id}:${index}-${basename(destination).replace(/[^A-Za-z0-9_.-]/g, "_")}`;
}

function attachRoot(
  directory: PodDirectory,
  pid: number,
  id: string,
  config: Exclude<RootConfig, { kind: "device" }>,
  target: string,
): void {
  if (config.kind === "directory") {
    const source = config.path;
    attach(() => attachMount({ pid, source, target, readOnly: false, follow: false }), source);
    return;
  }
  const upper = join(directory.container(id), "upper");
  const work = join(directory.container(id), "work");
  Deno.mkdirSync(upper, { recursive: true });
  Deno.mkdirSync(work, { recursive: true });
  const { lower } = config;
  attach(() => attachOverlay({ pid, lower: [lower], changes: { upper, work }, target }), lower);
}

function attachVolume(pid: number, volume: VolumeConfig, target: string): void {
  const { source, readOnly, propagation, recursive = true, overlay } = volume;
  const follow = propagation === "rslave";
  attach(() => {
    if (overlay) {
      const { below, changes } = overlay;
      attachOverlay({ pid, lower: [source, ...below], changes, target });
    } else attachMount({ pid, source, target, readOnly, follow, recursive });
  }, source);
}

async function makeTarget(source: string, target: string): Promise<void> {
  const info = await Deno.stat(source);
  if (info.isDirectory) await Deno.mkdir(target, { mode: 0o700 });
  else (await Deno.create(target)).close();
}

function attach(mount: () => void, source: string): void {
  try {
    mount();
  } catch (cause) {
    throw new Failure(`Cannot share ${source} with the VM: ${messageOf(cause)}`, { cause });
  }
}

function detach(vm: number, target: string): void {
  try {
    detachMount(vm, target);
  } catch {
    // It was not mounted, or the VM has ended and the mount with it.
    return;
  }
}
