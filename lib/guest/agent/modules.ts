import { cString, O_RDONLY, open, rawSyscall, SYS, SysError } from "../../sys/mod.ts";
import { exists, readFile } from "./guest_files.ts";
import { Refusal } from "./runtime.ts";

/** Files of modules in load order, by what they are for. */
const INDEX = "/lib/modules.json";
const EEXIST = 17;

let index: Readonly<Record<string, readonly string[]>> | undefined;
const loaded = new Set<string>();

/**
 * Loads the kernel modules that a purpose needs: once, and nothing where the kernel has it all built in. A machine
 * without an index, which somebody else has prepared, loads its modules itself.
 *
 * @param purpose such as `scsi` or `ext4`
 * @throws {Refusal} when a module cannot be loaded
 */
export function loadModules(purpose: string): void {
  if (loaded.has(purpose)) return;
  index ??= exists(INDEX) ? JSON.parse(readFile(INDEX)) : {};
  const paths = Object.hasOwn(index!, purpose) ? index![purpose]! : [];
  for (const path of paths) load(path);
  loaded.add(purpose);
}

function load(path: string): void {
  try {
    using file = open(path, O_RDONLY);
    const result = rawSyscall(SYS.finit_module, file.number, cString(""), 0);
    if (result < 0 && result !== -EEXIST) throw new SysError("finit_module", path, -result);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refusal(`Cannot load a module of the kernel: ${reason}`);
  }
}
