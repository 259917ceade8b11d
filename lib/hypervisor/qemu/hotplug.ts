import { Failure, messageOf } from "../../failure.ts";
import { scsiAddress } from "../drive_names.ts";
import type { DiskOptions, DiskPlace, VmResources } from "../hypervisor.ts";
import { MEMORY_SLOTS } from "./arguments.ts";
import { HOTPLUG_BUS, SCSI_CONTROLLER } from "./buses.ts";
import { type QmpClient, QmpError } from "./qmp.ts";

/** The kernel adds memory in blocks of this size, in MiB. */
const MEMORY_BLOCK = 128;
const MIB = 2 ** 20;
/** How long QEMU may take to let go of a disk's file, in tries, and the pause between them, in milliseconds. */
const RELEASE_TRIES = 50, RELEASE_PAUSE = 20;

interface CpuSlot {
  type: string;
  props: Record<string, number>;
  /** Where the processor is, when there is one. */
  "qom-path"?: string;
}

/** What a VM has and could have (QMP: query-hotpluggable-cpus, query-memory-size-summary, query-memory-devices). */
export async function readResources(monitor: QmpClient): Promise<VmResources> {
  const slots = await monitor.execute("query-hotpluggable-cpus") as CpuSlot[];
  const memory = await monitor.execute("query-memory-size-summary") as {
    "base-memory": number;
    "plugged-memory"?: number;
  };
  const bytes = memory["base-memory"] + (memory["plugged-memory"] ?? 0);
  return {
    vcpus: slots.filter((slot) => slot["qom-path"] !== undefined).length,
    maxVcpus: slots.length,
    memoryMiB: bytes / MIB,
  };
}

/**
 * Plugs processors in.
 *
 * @throws {Failure} when there is no room for so many; none is added then. When QEMU refuses one after others, those
 *   stay, and the message tells how many
 */
export async function plugVcpus(monitor: QmpClient, count: number): Promise<void> {
  const slots = await monitor.execute("query-hotpluggable-cpus") as CpuSlot[];
  const free = slots.filter((slot) => slot["qom-path"] === undefined).reverse();
  if (free.length < count) {
    throw new Failure(
      `Cannot add ${count} processors: the VM has ${slots.length - free.length}, ` +
        `${slots.length} are the most`,
    );
  }
  const order = free.sort((a, b) => numberOf(a) - numberOf(b)).slice(0, count);
  for (const [added, slot] of order.entries()) {
    try {
      await monitor.execute("device_add", {
        driver: slot.type,
        id: `cpu-${numberOf(slot)}`,
        ...slot.props,
      });
    } catch (cause) {
      throw new Failure(
        `Cannot add ${count} processors: only ${added} were added: ${messageOf(cause)}`,
        { cause },
      );
    }
  }
}

/** A processor's place as one number: slots are listed in no particular order. */
function numberOf({ props }: CpuSlot): number {
  const { "socket-id": socket = 0, "core-id": core = 0, "thread-id": thread = 0 } = props;
  return (socket * 1024 + core) * 16 + thread;
}

/** Whether another process, a share's daemon or a switch, works in the VM's memory. */
export async function isMemoryShared(monitor: QmpClient): Promise<boolean> {
  const backends = await monitor.execute("query-memdev") as { id?: string; share: boolean }[];
  return backends.some(({ id, share }) => id === "ram" && share);
}

/**
 * Plugs one piece of memory in.
 *
 * @param shared {@linkcode isMemoryShared}
 * @throws {Failure} when QEMU has no room for it, with QEMU's reason
 */
export async function plugMemory(
  monitor: QmpClient,
  mebibytes: number,
  shared: boolean,
): Promise<void> {
  if (mebibytes <= 0 || mebibytes % MEMORY_BLOCK !== 0) {
    throw new Failure(
      `Cannot add ${mebibytes} MiB of memory: only multiples of ${MEMORY_BLOCK} MiB can be added`,
    );
  }
  const plugged = await monitor.execute("query-memory-devices") as { data: { id?: string } }[];
  const taken = new Set(plugged.map(({ data }) => data.id));
  const number = [...new Array(MEMORY_SLOTS).keys()].find((each) => !taken.has(`dimm-${each}`));
  if (number === undefined) {
    throw new Failure(
      `Cannot add memory to the VM: all of its ${MEMORY_SLOTS} slots are taken`,
      { hint: "Stop the pod and start it: it boots with all of its memory, and free slots" },
    );
  }
  const backend = `mem-${number}`;
  await using undo = new AsyncDisposableStack();
  try {
    await monitor.execute("object-add", {
      "qom-type": shared ? "memory-backend-memfd" : "memory-backend-ram",
      id: backend,
      size: mebibytes * MIB,
      ...(shared ? { share: true } : {}),
    });
    undo.defer(async () => void await monitor.execute("object-del", { id: backend }));
    await monitor.execute("device_add", {
      driver: "pc-dimm",
      id: `dimm-${number}`,
      memdev: backend,
    });
    undo.move();
  } catch (cause) {
    throw new Failure(`Cannot add ${mebibytes} MiB of memory to the VM: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

/** Names of a disk in QEMU. By its index: names made from a container's may be cut to the same. */
function namesOf({ driver, index }: DiskPlace): { node: string; device: string } {
  const name = `${driver}-${index}`;
  return { node: `drive-${name}`, device: `disk-${name}` };
}

/**
 * Plugs a disk in.
 *
 * @throws {Failure} with QEMU's reason; nothing of it is left then
 */
export async function plugDisk(monitor: QmpClient, disk: DiskOptions): Promise<void> {
  const { node, device } = namesOf(disk);
  await using undo = new AsyncDisposableStack();
  try {
    const driver = (await Deno.stat(disk.path)).isBlockDevice ? "host_device" : "file";
    await monitor.execute("blockdev-add", {
      "node-name": node,
      // Never probed: a guest could write another format's header, with a backing file of its choice.
      driver: "raw",
      "read-only": disk.readOnly,
      file: { driver, filename: disk.path, "read-only": disk.readOnly },
    });
    undo.defer(() => releaseNode(monitor, node));
    await monitor.execute("device_add", { id: device, drive: node, ...placeOf(disk) });
    undo.move();
  } catch (cause) {
    throw new Failure(`Cannot plug ${disk.path} into the VM: ${reasonOf(cause)}`, { cause });
  }
}

function placeOf({ driver, index }: DiskOptions): Record<string, unknown> {
  if (driver === "virtio-blk") return { driver: "virtio-blk-pci", bus: HOTPLUG_BUS };
  const { id, lun } = scsiAddress(index);
  return { driver: "scsi-hd", bus: `${SCSI_CONTROLLER}.0`, "scsi-id": id, lun };
}

/**
 * Takes a disk away. One that is not there is fine.
 *
 * @param deleted resolves when QEMU has told that the device of that name is gone; false when it does not in time
 * @throws {Failure} when the guest does not let go of it
 */
export async function unplugDisk(
  monitor: QmpClient,
  place: DiskPlace,
  deleted: (device: string) => Promise<boolean>,
): Promise<void> {
  const { node, device } = namesOf(place);
  try {
    await monitor.execute("device_del", { id: device });
    if (!await deleted(device)) {
      throw new Failure(
        `Cannot take the disk ${device} from the VM: its guest does not let go of it`,
      );
    }
  } catch (error) {
    if (!isNotThere(error)) throw error;
  }
  await releaseNode(monitor, node);
}

/** QEMU is done with a device a little after it has told so. */
async function releaseNode(monitor: QmpClient, node: string): Promise<void> {
  for (let tries = 1;; tries++) {
    try {
      await monitor.execute("blockdev-del", { "node-name": node });
      return;
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      if (/failed to find node/i.test(error.description)) return;
      if (tries === RELEASE_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, RELEASE_PAUSE));
    }
  }
}

function isNotThere(error: unknown): boolean {
  return error instanceof QmpError && error.errorClass === "DeviceNotFound";
}

function reasonOf(error: unknown): string {
  return error instanceof QmpError ? error.description : messageOf(error);
}
