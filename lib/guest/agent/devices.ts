import { ALL_DEVICES, DEFAULT_DEVICES, type DeviceRule } from "./device_filter.ts";
import { exists } from "./guest_files.ts";
import { loadModules } from "./modules.ts";
import type { ContainerSpec } from "./runtime.ts";

/** Devices that come with a module, by their numbers (Documentation/admin-guide/devices.txt). */
const BY_MODULE: Readonly<Record<string, string>> = { "10:200": "tun", "10:229": "fuse" };
/** Made for every container. */
const STANDARD = ["null", "zero", "full", "random", "urandom", "tty", "ptmx", "console"]
  .map((name) => `/dev/${name}`);

/**
 * What a container may use of devices: what the host says, and before all what every container may and what has been
 * mounted for it.
 */
export function allowedDevices(
  { deviceRules, systemMountsInfo }: Pick<ContainerSpec, "deviceRules" | "systemMountsInfo">,
  mounted: readonly DeviceRule[],
): readonly DeviceRule[] {
  if (systemMountsInfo.bindMountDev) return ALL_DEVICES;
  const any = (number: number) => number < 0 ? null : number;
  const said = (deviceRules ?? []).map((rule): DeviceRule => ({
    ...rule,
    major: any(rule.major),
    minor: any(rule.minor),
  }));
  return [...said, ...DEFAULT_DEVICES, ...mounted];
}

/** Of the nodes that the host wants, those behind which this kernel has a device. */
export function presentDevices(
  wanted: ContainerSpec["devices"],
  warnings: string[],
): ContainerSpec["devices"] {
  const absent: string[] = [];
  const present = wanted.filter(({ path, type, major, minor }) => {
    if (STANDARD.includes(path)) return false;
    if (type === "p" || isThere(`${major}:${minor}`)) return true;
    absent.push(path);
    return false;
  });
  if (absent.length > 0) warnings.push(`devices that the VM does not have: ${absent.join(" ")}`);
  return present;
}

function isThere(numbers: string): boolean {
  const purpose = BY_MODULE[numbers];
  if (purpose !== undefined) loadModules(purpose);
  return exists(`/sys/dev/char/${numbers}`);
}
