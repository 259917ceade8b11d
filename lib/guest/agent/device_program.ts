import { type Fd, loadDeviceProgram } from "../../sys/mod.ts";
import { deviceFilter, type DeviceRule } from "./device_filter.ts";

let latest: { rules: string; program: Fd } | undefined;

/**
 * The program that decides by these rules. Kept for the next container, which most often has the same: that the kernel
 * proves and compiles a program takes more of its code, for an emulated processor to translate, than the rest of a
 * container's cgroup.
 *
 * @returns a descriptor that stays this module's to close
 * @throws {SysError} when the kernel refuses it
 * @throws {RangeError} for rules that cannot be
 */
export function deviceProgram(rules: readonly DeviceRule[]): Fd {
  const text = JSON.stringify(rules);
  if (latest?.rules === text) return latest.program;
  const program = loadDeviceProgram(deviceFilter(rules));
  latest?.program.close();
  latest = { rules: text, program };
  return program;
}
