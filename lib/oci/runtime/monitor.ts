import { identifyProcess, type ProcessIdentity } from "../../sys/mod.ts";
import { memoryGroup } from "./cgroups.ts";

/** Programs that look after one container and have it removed when it has ended: podman's and CRI-O's, containerd's. */
const MONITORS = /^(conmon|containerd-shim)/;
/** One of them that looks for the file `oom` in the bundle, and makes one itself wherever it stands when it is signalled. */
const READS_FILE = /^conmon/;

/** The engine's process that has started this command to make a container, when it is one that will look after it. */
export function findMonitor(): ProcessIdentity | null {
  return MONITORS.test(parentName()) ? identifyProcess(Deno.ppid) ?? null : null;
}

/** The one of a container's control groups whose watchers are to be told when the guest kills for lack of memory. */
export function watchedGroup(cgroups: readonly string[]): { memoryGroup?: string } {
  return READS_FILE.test(parentName()) ? {} : memoryGroup(cgroups);
}

function parentName(): string {
  try {
    return Deno.readTextFileSync(`/proc/${Deno.ppid}/comm`);
  } catch {
    return "";
  }
}
