import { assertEquals, assertRejects } from "@std/assert";
import { Deletions } from "../../../../lib/hypervisor/qemu/deletions.ts";
import {
  plugDisk,
  plugMemory,
  plugVcpus,
  readResources,
  unplugDisk,
} from "../../../../lib/hypervisor/qemu/hotplug.ts";
import { refusal, withMonitor } from "./scripted_monitor.ts";

const SLOTS = [2, 1, 0].map((core) => ({
  type: "max-x86_64-cpu",
  props: { "core-id": core, "thread-id": 0, "socket-id": 0 },
  ...(core === 0 ? { "qom-path": "/machine/unattached/device[0]" } : {}),
}));

Deno.test("processors are added in order of their places", async () => {
  const commands = await withMonitor([SLOTS, {}, {}], (client) => plugVcpus(client, 2));
  assertEquals(
    commands.slice(1),
    [1, 2].map((core) => ["device_add", {
      driver: "max-x86_64-cpu",
      id: `cpu-${core * 16}`,
      "core-id": core,
      "thread-id": 0,
      "socket-id": 0,
    }]),
  );
});

Deno.test("more processors than there is room for are refused before one is added", async () => {
  const commands = await withMonitor([SLOTS], async (client) => {
    const add = () => plugVcpus(client, 3);
    await assertRejects(add, Error, "Cannot add 3 processors: the VM has 1, 3 are the most");
  });
  assertEquals(commands.length, 1);
});

Deno.test("when a processor is refused the message tells how many were added", async () => {
  await withMonitor([SLOTS, {}, refusal("no more")], async (client) => {
    const add = () => plugVcpus(client, 2);
    await assertRejects(add, Error, "only 1 were added: QEMU refused device_add: no more");
  });
});

Deno.test("a VM's resources are those that are plugged in", async () => {
  const sizes = { "base-memory": 256 * 2 ** 20, "plugged-memory": 128 * 2 ** 20 };
  await withMonitor([SLOTS, sizes], async (client) => {
    assertEquals(await readResources(client), { vcpus: 1, maxVcpus: 3, memoryMiB: 384 });
  });
});

Deno.test("memory goes into the lowest free slot, and is shared where a daemon works in it", async () => {
  const plugged = [{ type: "dimm", data: { id: "dimm-0" } }, {
    type: "dimm",
    data: { id: "dimm-2" },
  }];
  const commands = await withMonitor([plugged, {}, {}], (client) => plugMemory(client, 128, true));
  assertEquals(commands.slice(1), [
    ["object-add", {
      "qom-type": "memory-backend-memfd",
      id: "mem-1",
      size: 128 * 2 ** 20,
      share: true,
    }],
    ["device_add", { driver: "pc-dimm", id: "dimm-1", memdev: "mem-1" }],
  ]);
});

Deno.test("memory that QEMU does not take leaves no backend behind", async () => {
  const answers = [[], {}, refusal("not enough space"), {}];
  const commands = await withMonitor(answers, async (client) => {
    const add = () => plugMemory(client, 128, false);
    await assertRejects(add, Error, "Cannot add 128 MiB of memory to the VM: not enough space");
  });
  assertEquals(commands.at(-1), ["object-del", { id: "mem-0" }]);
});

Deno.test("memory is added in whole blocks only, and not beyond the slots", async () => {
  await withMonitor([], async (client) => {
    await assertRejects(() => plugMemory(client, 100, false), Error, "multiples of 128 MiB");
  });
  const plugged = [...new Array(8).keys()].map((each) => ({ data: { id: `dimm-${each}` } }));
  await withMonitor([plugged], async (client) => {
    await assertRejects(() => plugMemory(client, 128, false), Error, "all of its 8 slots");
  });
});

const PLACE = { driver: "virtio-blk", index: 4 } as const;

Deno.test("a disk's format is never guessed, and its place comes from its index", async () => {
  using image = new TemporaryFile();
  const disk = { path: image.path, readOnly: true, index: 300 };
  const add = await withMonitor(
    [{}, {}, {}, {}],
    async (client) => {
      await plugDisk(client, { ...disk, driver: "virtio-scsi" });
      await plugDisk(client, { ...disk, driver: "virtio-blk" });
    },
  );
  assertEquals(add[0], ["blockdev-add", {
    "node-name": "drive-virtio-scsi-300",
    driver: "raw",
    "read-only": true,
    file: { driver: "file", filename: image.path, "read-only": true },
  }]);
  assertEquals(add[1], ["device_add", {
    id: "disk-virtio-scsi-300",
    drive: "drive-virtio-scsi-300",
    driver: "scsi-hd",
    bus: "scsi0.0",
    "scsi-id": 1,
    lun: 44,
  }]);
  assertEquals(add[3], ["device_add", {
    id: "disk-virtio-blk-300",
    drive: "drive-virtio-blk-300",
    driver: "virtio-blk-pci",
    bus: "hotplug",
  }]);
});

Deno.test("a disk that does not fit leaves no block node behind", async () => {
  using image = new TemporaryFile();
  const commands = await withMonitor([{}, refusal("no slot"), {}], async (client) => {
    const disk = { path: image.path, readOnly: false, index: 1, driver: "virtio-blk" } as const;
    await assertRejects(() => plugDisk(client, disk), Error, "no slot");
  });
  assertEquals(commands.at(-1), ["blockdev-del", { "node-name": "drive-virtio-blk-1" }]);
});

Deno.test("a disk's file is let go of only when its device is gone, in several tries", async () => {
  const deletions = new Deletions();
  deletions.take({ name: "DEVICE_DELETED", data: { device: "disk-virtio-blk-4" } });
  const answers = [{}, refusal("Node drive-virtio-blk-4 is in use"), {}];
  const commands = await withMonitor(answers, async (client) => {
    await unplugDisk(client, PLACE, (device) => deletions.wait(device));
  });
  assertEquals(commands.map(([name]) => name), ["device_del", "blockdev-del", "blockdev-del"]);
});

Deno.test("a guest that does not let go of a disk is not waited for without end", async () => {
  await withMonitor([{}], async (client) => {
    const deletions = new Deletions(1);
    const remove = () => unplugDisk(client, PLACE, (device) => deletions.wait(device));
    await assertRejects(remove, Error, "Cannot take the disk disk-virtio-blk-4");
  });
});

Deno.test("a disk that is gone already is fine", async () => {
  const answers = [
    refusal("Device 'x' not found", "DeviceNotFound"),
    refusal("Failed to find node with node-name='drive-virtio-blk-4'"),
  ];
  await withMonitor(answers, (client) => unplugDisk(client, PLACE, () => Promise.resolve(false)));
});

class TemporaryFile implements Disposable {
  readonly path = Deno.makeTempFileSync();

  [Symbol.dispose](): void {
    Deno.removeSync(this.path);
  }
}
