import { identifyProcess, type ProcessIdentity } from "../../sys/mod.ts";

/** Programs that look after one container and have it removed when it has ended: podman's and CRI-O's, containerd's. */
const MONITORS = /^(conmon|containerd-shim)/;

/** The engine's process that has started this command to make a container, when it is one that will look after it. */
export function findMonitor(): ProcessIdentity | null {
  try {
    const name = Deno.readTextFileSync(`/proc/${Deno.ppid}/comm`);
    return MONITORS.test(name) ? identifyProcess(Deno.ppid) ?? null : null;
  } catch {
    return null;
  }
}
