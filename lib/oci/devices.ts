import { Failure } from "../failure.ts";
import type { DeviceRule, GuestDevice } from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import type { DeviceConfig } from "../pod/mod.ts";
import type { SpecDevice, SpecDeviceRule } from "./spec.ts";

/** The devices of a bundle: disks of the host for the VM, and nodes of what the guest's kernel has itself. */
export interface PlannedDevices {
  disks: DeviceConfig[];
  nodes: GuestDevice[];
}

const DEFAULT_MODE = 0o666;

/**
 * Plans the devices of a bundle. A block device of the host is plugged into the VM where a rule is for it alone; an
 * engine that gives a container all devices of the host means its own kernel's, which are not this one's.
 *
 * @throws {Failure} naming a device that cannot be had
 */
export async function planDevices(
  devices: readonly SpecDevice[],
  rules: readonly SpecDeviceRule[],
): Promise<PlannedDevices> {
  const planned: PlannedDevices = { disks: [], nodes: [] };
  const leftOut: string[] = [];
  for (const device of devices) {
    const { type = "", path = "", major = 0, minor = 0, fileMode = DEFAULT_MODE } = device;
    if (!path.startsWith("/")) throw cannot(path, "its path is not absolute");
    if (type === "b") {
      if (!rules.some((rule) => isFor(rule, major, minor))) leftOut.push(path);
      else planned.disks.push(await diskOf(path, major, minor));
      continue;
    }
    if (type !== "c" && type !== "u" && type !== "p") {
      throw cannot(path, `its type is ${JSON.stringify(type)}, not c, u, b or p`);
    }
    const { uid = 0, gid = 0 } = device;
    const kind = type === "p" ? "p" : "c";
    planned.nodes.push({ path, type: kind, major, minor, mode: fileMode & 0o7777, uid, gid });
  }
  if (leftOut.length > 0) {
    getLogger("oci").warn(
      "block devices left out: no rule of linux.resources.devices is for them",
      {
        devices: leftOut.join(" "),
      },
    );
  }
  return planned;
}

/** The rules in the guest's form. @throws {Failure} for a type that there is not */
export function rulesOf(rules: readonly SpecDeviceRule[]): DeviceRule[] {
  return rules.map(({ allow = false, type = "a", major = -1, minor = -1, access = "rwm" }) => {
    if (type !== "a" && type !== "b" && type !== "c") {
      throw new Failure(
        `Cannot use linux.resources.devices of the bundle: the type ${JSON.stringify(type)} is ` +
          "none of a, b, c",
      );
    }
    return { allow, type, major, minor, access: access === "" ? "rwm" : access };
  });
}

function isFor({ allow, type, major, minor }: SpecDeviceRule, ...wanted: number[]): boolean {
  return allow === true && type === "b" && major === wanted[0] && minor === wanted[1];
}

async function diskOf(path: string, major: number, minor: number): Promise<DeviceConfig> {
  const directory = `/sys/dev/block/${major}:${minor}`;
  try {
    const events = await Deno.readTextFile(`${directory}/uevent`);
    const name = /^DEVNAME=(.+)$/m.exec(events)?.[1];
    const readOnly = (await Deno.readTextFile(`${directory}/ro`)).trim() === "1";
    if (name !== undefined) return { source: `/dev/${name}`, destination: path, readOnly };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw cannot(path, `the host has no block device ${major}:${minor}`);
}

function cannot(path: string, why: string): Failure {
  return new Failure(`Cannot use the bundle's device ${JSON.stringify(path)}: ${why}`);
}
