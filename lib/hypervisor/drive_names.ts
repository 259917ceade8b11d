/** How a disk is plugged into a VM. */
export type BlockDriver = "virtio-blk" | "virtio-scsi";

/** Where a disk is found in the guest, by its index: the formulae of virtcontainers, which guest agents rely on. */

/** Disks that a SCSI controller addresses so. */
const MAX_SCSI_INDEX = 65535;
const LUNS = 256, LETTERS = 26;

/**
 * The name that a guest gives to a virtio-blk disk: `vda`, … `vdz`, `vdaa`, …
 *
 * @throws {RangeError} for a negative index
 */
export function virtioDriveName(index: number): string {
  if (index < 0) throw new RangeError("Index cannot be negative for drive");
  let letters = "";
  for (let rest = index; rest >= 0; rest = Math.floor(rest / LETTERS) - 1) {
    letters = String.fromCharCode("a".charCodeAt(0) + rest % LETTERS) + letters;
  }
  return `vd${letters}`;
}

/**
 * The SCSI id and logical unit of a disk.
 *
 * @throws {RangeError} for an index that has none
 */
export function scsiAddress(index: number): { id: number; lun: number } {
  if (index < 0 || index > MAX_SCSI_INDEX) {
    throw new RangeError(`Index ${index} has no SCSI address: 0 to ${MAX_SCSI_INDEX} have`);
  }
  return { id: Math.floor(index / LUNS), lun: index % LUNS };
}
