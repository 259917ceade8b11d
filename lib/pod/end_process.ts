import {
  collectChild,
  openIdentified,
  type ProcessIdentity,
  signalIdentified,
  SIGNALS,
  waitForEnd,
} from "../sys/mod.ts";

/** How long a process may take to go after SIGTERM, and the kernel to bury it after SIGKILL, in milliseconds. */
const GRACE = 1000, BURIAL = 5000;

/** Ends a process, asking first; one that has ended already, or that is nobody, is fine. */
export async function endProcess(identity: ProcessIdentity | null): Promise<void> {
  if (identity === null) return;
  using process = openIdentified(identity);
  if (process) {
    signalIdentified(identity, SIGNALS.TERM!);
    if (!await waitForEnd(process, GRACE)) {
      signalIdentified(identity, SIGNALS.KILL!);
      await waitForEnd(process, BURIAL);
    }
  }
  collectChild(identity.pid);
}

/** Kills a process at once and waits until it is gone. */
export async function killProcess(identity: ProcessIdentity | null): Promise<void> {
  if (identity === null) return;
  using process = openIdentified(identity);
  if (process) {
    signalIdentified(identity, SIGNALS.KILL!);
    await waitForEnd(process, BURIAL);
  }
  collectChild(identity.pid);
}
