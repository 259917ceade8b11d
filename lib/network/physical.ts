import { Failure } from "../failure.ts";
import { basename, join } from "@std/path";

/**
 * Passing a network card of its own to a VM (VFIO): the card leaves its driver for `vfio-pci`, and comes back afterwards.
 * See the kernel's Documentation/driver-api/vfio.rst and ABI/testing/sysfs-bus-pci.
 */

const VFIO_DRIVER = "vfio-pci";

/** A network card given to a VM, and how it was before. Goes through JSON; to be stored before the change. */
export interface PhysicalRecord {
  /** Domain, bus, device and function: `0000:00:03.0`. */
  address: string;
  /** Its driver; empty when it had none. */
  driver: string;
  /** Name of the driver that was prescribed for it; empty for none. */
  override: string;
  /** Number of its IOMMU group: /dev/vfio/GROUP. */
  group: string;
}

/** Whether an interface's place on its bus, as its driver tells, is that of a PCI device. */
export function isPciAddress(bus: string): boolean {
  return /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i.test(bus);
}

/**
 * Looks at a network card. Nothing is changed.
 *
 * @param sysfs where sysfs is mounted
 * @throws {Failure} when there is no such card, or no IOMMU keeps it to the VM's memory
 */
export function planPhysical(address: string, sysfs = "/sys"): PhysicalRecord {
  const device = deviceDirectory(address, sysfs);
  const group = linkTarget(join(device, "iommu_group"));
  if (group === undefined) {
    const fact = isThere(device) ? "no IOMMU is in charge of it" : "there is no such device";
    throw new Failure(`Cannot give network card ${address} to the VM: ${fact}`, {
      hint:
        "switch on the IOMMU in the firmware, and in the kernel with intel_iommu=on; or leave the card where it is: --network-model macvtap",
    });
  }
  const override = readText(join(device, "driver_override"));
  return {
    address,
    driver: linkTarget(join(device, "driver")) ?? "",
    // What the kernel shows for none.
    override: override === "(null)" ? "" : override,
    group,
  };
}

/**
 * Takes a network card from its driver and gives it to `vfio-pci`. When that fails it gets its driver back.
 *
 * @throws {Failure} when the driver does not take it
 */
export function attachPhysical(record: PhysicalRecord, sysfs = "/sys"): void {
  const device = deviceDirectory(record.address, sysfs);
  if (linkTarget(join(device, "driver")) === VFIO_DRIVER) return;
  try {
    rebind(record.address, VFIO_DRIVER, sysfs);
    if (linkTarget(join(device, "driver")) !== VFIO_DRIVER) {
      throw new Failure(
        `Cannot give network card ${record.address} to the VM: no vfio-pci driver`,
        {
          hint: "load it: modprobe vfio-pci",
        },
      );
    }
  } catch (error) {
    detachPhysical(record, sysfs);
    throw error;
  }
}

/** Gives a network card back to its driver. Doing it again changes nothing; a card that is gone does not matter. */
export function detachPhysical(record: PhysicalRecord, sysfs = "/sys"): void {
  const device = deviceDirectory(record.address, sysfs);
  if (!isThere(device)) return;
  const driver = linkTarget(join(device, "driver")) ?? "";
  if (driver === record.driver) return write(join(device, "driver_override"), record.override);
  rebind(record.address, record.driver, sysfs);
  write(join(device, "driver_override"), record.override);
}

/** @param driver that is to have the device; empty for none */
function rebind(address: string, driver: string, sysfs: string): void {
  const device = deviceDirectory(address, sysfs);
  write(join(device, "driver_override"), driver);
  if (linkTarget(join(device, "driver")) !== undefined) {
    write(join(device, "driver", "unbind"), address);
  }
  if (driver !== "") write(join(sysfs, "bus/pci/drivers_probe"), address);
}

function deviceDirectory(address: string, sysfs: string): string {
  if (!isPciAddress(address)) {
    throw new TypeError(`Cannot use ${JSON.stringify(address)} as the address of a PCI device`);
  }
  return join(sysfs, "bus/pci/devices", address);
}

/** The last part of what a symbolic link points to; nothing when there is none. */
function linkTarget(path: string): string | undefined {
  try {
    return basename(Deno.readLinkSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** An empty line stands for nothing: a write of no bytes never arrives. */
function write(path: string, text: string): void {
  Deno.writeTextFileSync(path, text + "\n", { create: false });
}
