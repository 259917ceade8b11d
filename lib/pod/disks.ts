import type { DiskNode, GuestDisk } from "../agent/mod.ts";
import {
  type BlockDriver,
  type DiskOptions,
  scsiAddress,
  virtioDriveName,
  type Vm,
} from "../hypervisor/mod.ts";
import { getLogger } from "../log.ts";
import type { ContainerConfig, ContainerRecord } from "./records.ts";

/** The guest's own root file system is the first virtio-blk disk. */
const FIRST_INDEX: Readonly<Record<BlockDriver, number>> = { "virtio-blk": 1, "virtio-scsi": 0 };

/**
 * Chooses a place for each disk that a container needs, its root first: the lowest that no other container of the pod
 * has.
 */
export function planDisks(
  config: Pick<ContainerConfig, "root" | "readOnlyRoot" | "devices" | "blockDriver">,
  others: readonly Pick<ContainerRecord, "disks">[],
): DiskOptions[] {
  const { root, readOnlyRoot, devices, blockDriver: driver } = config;
  const wanted = [
    ...(root.kind === "device" ? [{ path: root.path, readOnly: readOnlyRoot }] : []),
    ...devices.map(({ source, readOnly }) => ({ path: source, readOnly })),
  ];
  const taken = new Set(
    others.flatMap(({ disks }) => disks)
      .filter((disk) => disk.driver === driver).map(({ index }) => index),
  );
  let index = FIRST_INDEX[driver];
  return wanted.map((disk) => {
    while (taken.has(index)) index++;
    return { ...disk, driver, index: index++ };
  });
}

/** Plugs disks into a VM. @throws {Failure} naming the one that does not go in; none is left then */
export async function plugDisks(vm: Vm, disks: readonly DiskOptions[]): Promise<void> {
  await using undo = new AsyncDisposableStack();
  for (const disk of disks) {
    await vm.addBlockDevice(disk);
    undo.defer(() => vm.removeBlockDevice(disk));
  }
  undo.move();
}

/**
 * Takes disks out of a VM, the last one first. One that does not come out does not keep the others in.
 *
 * @returns those that are still in
 */
export async function unplugDisks(vm: Vm, disks: readonly DiskOptions[]): Promise<DiskOptions[]> {
  const stuck: DiskOptions[] = [];
  for (const disk of disks.toReversed()) {
    try {
      await vm.removeBlockDevice(disk);
    } catch (error) {
      getLogger("pod").warn("disk not taken out of the VM", { path: disk.path, error });
      stuck.unshift(disk);
    }
  }
  return stuck;
}

/** How the guest finds a disk. */
export function guestDisk({ driver, index }: Pick<DiskOptions, "driver" | "index">): GuestDisk {
  if (driver === "virtio-blk") return { name: virtioDriveName(index), scsiAddr: "" };
  const { id, lun } = scsiAddress(index);
  return { name: "", scsiAddr: `${id}:${lun}` };
}

/** A container's disks in the guest's form, from what has been plugged in for it. */
export function guestDisks(
  { root, devices }: Pick<ContainerConfig, "root" | "devices">,
  disks: readonly DiskOptions[],
): { rootDisk: (GuestDisk & { fstype: string }) | null; disks: DiskNode[] } {
  const first = root.kind === "device" ? 1 : 0;
  return {
    rootDisk: root.kind === "device" ? { ...guestDisk(disks[0]!), fstype: root.fstype } : null,
    disks: devices.map(({ destination, readOnly }, at) => ({
      ...guestDisk(disks[first + at]!),
      destination,
      readOnly,
    })),
  };
}
