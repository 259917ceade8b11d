import { assertEquals } from "@std/assert";
import { findBlockRoot } from "../../../lib/storage/mod.ts";

const MOUNTINFO = `20 1 8:1 / / rw - ext4 /dev/sda1 rw
30 20 253:3 / /srv/one rw,relatime shared:5 - xfs /dev/mapper/pool-one rw
31 20 253:4 / /srv/with\\040space rw - ext4 /dev/mapper/pool-two rw
32 20 7:0 / /srv/loop rw - ext4 /dev/loop0 rw
33 20 8:16 / /srv/plain rw - ext4 /dev/sdb rw
34 20 253:3 /sub /srv/part rw - xfs /dev/mapper/pool-one rw
35 20 253:6 / /srv/other rw - btrfs /dev/mapper/pool-six rw
36 20 0:40 / /srv/memory rw - tmpfs none rw
37 20 253:7 / /srv/covered rw - ext4 /dev/mapper/pool-seven rw
38 20 8:17 / /srv/covered rw - ext4 /dev/sdb1 rw
`;
const THERE = [
  ...[3, 4, 6, 7].map((minor) => `/sys/dev/block/253:${minor}/dm`),
  "/sys/dev/block/7:0/loop",
  "/srv/loop/rootfs",
];

Deno.test("a root on a device-mapper or loop device is known as the disk that it is, no other is", () => {
  const find = (directory: string) =>
    findBlockRoot(directory, { mountinfo: MOUNTINFO, exists: (path) => THERE.includes(path) });
  const one = { path: "/dev/mapper/pool-one", fstype: "xfs" };
  assertEquals(find("/srv/one"), one);
  assertEquals(find("/srv/one/rootfs"), one);
  assertEquals(find("/srv/with space")?.path, "/dev/mapper/pool-two");
  assertEquals(find("/srv/loop/rootfs"), { path: "/dev/loop0", fstype: "ext4" });
  const others = {
    "/srv/loop": "the guest would take its directory rootfs",
    "/srv/one/below": "only a part of the disk",
    "/srv/part": "only a part of the disk is mounted",
    "/srv/plain": "a partition of the host's own",
    "/srv/other": "a file system that the guest does not know",
    "/srv/memory": "no disk",
    "/srv/covered": "what is mounted there last counts",
    "/": "the host's own root",
    "/rootfs": "a directory of the host's own root",
  };
  for (const [directory, why] of Object.entries(others)) {
    assertEquals(find(directory), undefined, why);
  }
});
