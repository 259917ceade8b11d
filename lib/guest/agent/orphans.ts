import { collectChild, firstEndedChild } from "../../sys/mod.ts";

/**
 * Collects the status of processes that have become this one's children because their parent ended: process 1 must.
 * Those in `known` are left to whoever started them.
 */
export function collectOrphans(known: (pid: number) => boolean): void {
  for (;;) {
    const pid = firstEndedChild();
    // The first to have ended may be one whose owner has yet to see it; the others then wait for the next round.
    if (pid === undefined || known(pid)) return;
    collectChild(pid);
  }
}
