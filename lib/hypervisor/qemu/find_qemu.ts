import { isAbsolute, join, resolve } from "@std/path";
import { Failure } from "../../failure.ts";
import { QEMU_ARCHITECTURES } from "./architecture.ts";

/** What QEMU is looked for by. Default: this process's own. */
export interface QemuSearch {
  arch: string;
  /** `PODVISOR_QEMU`: a program to use instead. */
  override: string | undefined;
  path: string;
}

/**
 * The absolute path of the QEMU to use.
 *
 * @throws {Failure} when there is none
 */
export function findQemu(search: QemuSearch = hostSearch()): string {
  const name = search.override ?? QEMU_ARCHITECTURES[search.arch]?.binary;
  if (name === undefined) throw new Failure(`Cannot run VMs on ${search.arch}`);
  if (name.includes("/")) return resolve(name);
  const found = search.path.split(":").filter(isAbsolute)
    .map((directory) => join(directory, name)).find(isProgram);
  if (found !== undefined) return found;
  throw new Failure(`Cannot start a VM: ${name} is not installed`, {
    hint: "Install it: apt-get install qemu-system-x86",
  });
}

function hostSearch(): QemuSearch {
  return {
    arch: Deno.build.arch,
    override: Deno.env.get("PODVISOR_QEMU"),
    path: Deno.env.get("PATH") ?? "/usr/bin:/bin",
  };
}

function isProgram(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    return false;
  }
}
