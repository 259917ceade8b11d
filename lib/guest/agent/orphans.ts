import { ECHILD, isSysError, SYS, syscall } from "../../sys/mod.ts";

const P_ALL = 0;
const WEXITED = 4, WNOHANG = 1, WNOWAIT = 0x1000000;
const SIGINFO_SIZE = 128, SI_PID = 16;

/**
 * Collects the status of processes that have become this one's children because their parent ended: process 1 must.
 * Those in `known` are left to whoever started them.
 */
export function collectOrphans(known: (pid: number) => boolean): void {
  const info = new Uint8Array(SIGINFO_SIZE);
  const view = new DataView(info.buffer);
  for (;;) {
    view.setInt32(SI_PID, 0, true);
    try {
      const options = WEXITED | WNOHANG | WNOWAIT;
      syscall("waitid", "any child", SYS.waitid, P_ALL, 0, info, options, 0);
    } catch (error) {
      if (isSysError(error, ECHILD)) return;
      throw error;
    }
    const pid = view.getInt32(SI_PID, true);
    // The first to have ended may be one whose owner has yet to see it; the others then wait for the next round.
    if (pid === 0 || known(pid)) return;
    syscall("wait4", `pid ${pid}`, SYS.wait4, pid, 0, 0, 0);
  }
}
