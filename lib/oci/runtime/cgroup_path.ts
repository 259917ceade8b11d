import { join } from "@std/path";
import { Failure } from "../../failure.ts";

/**
 * The path of a container's control group below the root of a hierarchy, from `linux.cgroupsPath` (runtime-spec 1.1,
 * config-linux.md, "Cgroups Path"): a path, or in systemd's notation `SLICE:PREFIX:NAME`.
 *
 * @returns nothing when none is given
 * @throws {Failure} for one that would lead out of the hierarchy
 */
export function cgroupDirectory(cgroupsPath: string | undefined, id: string): string | undefined {
  if (cgroupsPath === undefined || cgroupsPath === "") return undefined;
  const [slice, prefix, name, ...rest] = cgroupsPath.split(":");
  const isUnit = !cgroupsPath.includes("/") && name !== undefined && rest.length === 0;
  const path = isUnit
    ? join(sliceDirectory(slice!), unitName(prefix!, name === "" ? id : name))
    : cgroupsPath;
  if (path.split("/").includes("..")) {
    throw new Failure(`Cannot use the control group ${JSON.stringify(cgroupsPath)}: it has a ..`);
  }
  return join("/", path);
}

/** Each dash of a slice's name is a level (systemd.slice(5)): `user-1000.slice` is in `user.slice`. */
function sliceDirectory(slice: string): string {
  if (slice === "" || slice === "-.slice") return "/";
  const parts = slice.replace(/\.slice$/, "").split("-");
  return join("/", ...parts.map((_, at) => `${parts.slice(0, at + 1).join("-")}.slice`));
}

function unitName(prefix: string, name: string): string {
  if (name.endsWith(".slice")) return name;
  return prefix === "" ? `${name}.scope` : `${prefix}-${name}.scope`;
}
