import { cString, rawSyscall, SYS } from "../../sys/mod.ts";

/** Whether there is something at a path of the guest's own. */
export function exists(path: string): boolean {
  return rawSyscall(SYS.access, cString(path), 0) === 0;
}
