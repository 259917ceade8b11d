import type { Fd } from "./fd.ts";
import { openIdentified, type ProcessIdentity, signalIdentified } from "./identity.ts";
import { collectChild, waitForEnd } from "./process.ts";
import { SIGNALS } from "./signals.ts";

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
  if (identity !== null) await killProcesses([identity]);
}

/**
 * Kills all of them, and waits until they are gone: for one after the other, since each wait takes a thread.
 *
 * @throws {SysError} for the first that must not be killed, when all others are gone
 */
export async function killProcesses(identities: readonly ProcessIdentity[]): Promise<void> {
  using opened = new DisposableStack();
  const ending: Fd[] = [];
  const refused: unknown[] = [];
  for (const identity of identities) {
    const process = openIdentified(identity);
    if (!process) continue;
    opened.use(process);
    try {
      signalIdentified(identity, SIGNALS.KILL!);
      ending.push(process);
    } catch (error) {
      refused.push(error);
    }
  }
  for (const process of ending) await waitForEnd(process, BURIAL);
  for (const { pid } of identities) collectChild(pid);
  if (refused.length > 0) throw refused[0];
}
