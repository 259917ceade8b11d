import { assertEquals, assertThrows } from "@std/assert";
import { scsiAddress, virtioDriveName } from "../../../lib/hypervisor/mod.ts";

Deno.test("virtio disks are named by letters, with no zero among the digits", () => {
  const names = [0, 1, 25, 26, 27, 51, 52, 701, 702].map(virtioDriveName);
  assertEquals(names, ["vda", "vdb", "vdz", "vdaa", "vdab", "vdaz", "vdba", "vdzz", "vdaaa"]);
  assertThrows(() => virtioDriveName(-1), RangeError, "Index cannot be negative for drive");
});

Deno.test("SCSI disks are addressed by 256 units for each id", () => {
  assertEquals(scsiAddress(0), { id: 0, lun: 0 });
  assertEquals(scsiAddress(255), { id: 0, lun: 255 });
  assertEquals(scsiAddress(256), { id: 1, lun: 0 });
  assertEquals(scsiAddress(65535), { id: 255, lun: 255 });
  for (const index of [-1, 65536]) assertThrows(() => scsiAddress(index), RangeError);
});
