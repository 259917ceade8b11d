import { assertEquals, assertRejects } from "@std/assert";
import type { DiskOptions, Vm } from "../../../lib/hypervisor/mod.ts";
import {
  guestDisk,
  guestDisks,
  planDisks,
  plugDisks,
  unplugDisks,
} from "../../../lib/pod/disks.ts";

const disk = (index: number, driver: DiskOptions["driver"] = "virtio-blk"): DiskOptions => ({
  path: `/disk${index}`,
  driver,
  index,
  readOnly: false,
});

const device = (source: string) => ({ source, destination: `/dev${source}`, readOnly: false });

Deno.test("a root disk comes first, and places that others have are left out", () => {
  const config = {
    root: { kind: "device", path: "/root.img", fstype: "ext4" },
    readOnlyRoot: true,
    devices: [device("/a"), device("/b")],
    blockDriver: "virtio-blk",
  } as const;
  const others = [{ disks: [disk(2), disk(1, "virtio-scsi")] }];
  assertEquals(
    planDisks({ ...config, devices: [...config.devices] }, others).map((
      { path, index, readOnly },
    ) => [path, index, readOnly] as const),
    [["/root.img", 1, true], ["/a", 3, false], ["/b", 4, false]],
  );
});

Deno.test("the first virtio-blk disk is the guest's own, SCSI disks begin at nought", () => {
  const root = { kind: "overlay", lower: "/x" } as const;
  const plan = (blockDriver: DiskOptions["driver"]) =>
    planDisks({ root, readOnlyRoot: false, devices: [device("/a")], blockDriver }, [])[0]!.index;
  assertEquals([plan("virtio-blk"), plan("virtio-scsi")], [1, 0]);
  assertEquals(guestDisk(disk(1)), { name: "vdb", scsiAddr: "" });
  assertEquals(guestDisk(disk(257, "virtio-scsi")), { name: "", scsiAddr: "1:1" });
});

Deno.test("the guest is told of the root and of the devices apart", () => {
  const devices = [{ source: "/a", destination: "/dev/x", readOnly: true }];
  const root = { kind: "device", path: "/r", fstype: "xfs" } as const;
  assertEquals(guestDisks({ root, devices }, [disk(1), disk(2)]), {
    rootDisk: { name: "vdb", scsiAddr: "", fstype: "xfs" },
    disks: [{ name: "vdc", scsiAddr: "", destination: "/dev/x", readOnly: true }],
  });
  const shared = { kind: "directory", path: "/r" } as const;
  assertEquals(guestDisks({ root: shared, devices }, [disk(1)]), {
    rootDisk: null,
    disks: [{ name: "vdb", scsiAddr: "", destination: "/dev/x", readOnly: true }],
  });
});

/** A VM that takes disks, but not all, and writes down which. */
function fakeVm(refused: number, kept?: number): { vm: Vm; log: string[] } {
  const log: string[] = [];
  const vm = {
    addBlockDevice({ index }: DiskOptions) {
      if (index === refused) return Promise.reject(new Error("no room"));
      log.push(`add ${index}`);
      return Promise.resolve();
    },
    removeBlockDevice({ index }: DiskOptions) {
      if (index === kept) return Promise.reject(new Error("in use"));
      log.push(`remove ${index}`);
      return Promise.resolve();
    },
  };
  return { vm: vm as unknown as Vm, log };
}

Deno.test("when a disk does not go in, those before it come out again", async () => {
  const { vm, log } = fakeVm(3);
  await assertRejects(() => plugDisks(vm, [disk(1), disk(2), disk(3)]), Error, "no room");
  assertEquals(log, ["add 1", "add 2", "remove 2", "remove 1"]);
});

Deno.test("a disk that does not come out keeps no other in, and is told", async () => {
  const { vm, log } = fakeVm(0, 2);
  assertEquals(await unplugDisks(vm, [disk(1), disk(2), disk(3)]), [disk(2)]);
  assertEquals(log, ["remove 3", "remove 1"]);
});
