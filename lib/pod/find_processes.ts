import { basename } from "@std/path";
// Past its room's face, which brings the making of VMs along: these are names.
import { CONSOLE_KEEPER, MOCK_PROCESS } from "../hypervisor/process_names.ts";
import { identifyProcess, type ProcessIdentity } from "../sys/mod.ts";
import { formerPlaces } from "./spares/spare_store.ts";

/** Programs that work for one pod and are named after it on their command line. */
const HELPERS = /^(qemu-system-.*|virtiofsd|cc-proxy|cc-shim)$/;
/** Options by which programs of other names, that the configuration chooses, are started as QEMU, proxy or shim. */
const MARKS = /,process=podvisor-vm$|^-uri$|^-u$/;
/** Words of podvisor's own command lines that start a part of a pod. */
const ROLES = ["proxy", "shim", CONSOLE_KEEPER, MOCK_PROCESS];

/**
 * The processes that work for a pod, found by the pod's directory on their command lines: also those that were started
 * and never recorded, because the command that started them was killed in between. The VM that was a spare has its
 * earlier directory there.
 *
 * @param directory the pod's, or a container's for its shim
 */
export function findPodProcesses(directory: string): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  const places = [directory, ...formerPlaces(directory)].map((path) => `${path}/`);
  // Nothing here waits for a disk, and reading a file in the background costs several times as much.
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const words = commandLine(Number(name));
    const isNamed = words.some((word) => places.some((place) => word.includes(place)));
    if (!isNamed || !isPartOfPod(words)) continue;
    const identity = identifyProcess(Number(name));
    if (identity) found.push(identity);
  }
  return found;
}

function isPartOfPod(words: readonly string[]): boolean {
  return HELPERS.test(basename(words[0]!)) ||
    words.some((word) => ROLES.includes(word) || MARKS.test(word));
}

/** Empty for a process that is gone, or a thread of the kernel. */
function commandLine(pid: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
  } catch {
    return [""];
  }
}
