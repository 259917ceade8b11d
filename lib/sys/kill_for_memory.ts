/**
 * Having the kernel kill a process for lack of memory, so that those who watch a control group see it.
 *
 * Such a kill is counted where the owner of the victim's memory is (mm/oom_kill.c, `memcg_memory_event_mm`), and the
 * victim is chosen in the group that has too little. So two processes share their memory: one stays in this process's
 * group and owns it, the other goes to a group that may have none and asks the kernel for some. Both are killed, nothing
 * else is looked at, and no limit is laid on anybody.
 */
import { ChildProgram } from "./child_program.ts";
import { ECHILD } from "./errno.ts";
import { isSysError } from "./error.ts";
import { O_WRONLY, open } from "./fd.ts";
import { cString } from "./memory.ts";
import { SYS } from "./numbers.ts";
import { decodeStatus } from "./process.ts";
import { SIGNALS } from "./signals.ts";
import { syscall } from "./syscall.ts";

/** linux/prctl.h */
const PR_SET_NAME = 15;
/** What the kernel's log calls the victim: 15 characters. */
const NAME = "guest-oom";

/**
 * Has two short-lived children killed for lack of memory, which is counted in this process's own control group.
 *
 * @param starved directory of a control group that nobody is in and that may have no memory
 * @returns whether the kernel has killed them; one that does not count its own memory lets them live
 * @throws {SysError} when the group cannot be entered
 */
export function killForMemory(starved: string): boolean {
  using group = open(`${starved}/cgroup.procs`, O_WRONLY);
  const program = new ChildProgram();
  program.call("setpgid", "the child", SYS.setpgid, 0, 0);
  program.attempt("prctl", "its name", SYS.prctl, PR_SET_NAME, cString(NAME));
  // A victim whose parent waits with the same memory is spared: this one's parent is this process.
  program.split();
  program.call("write", starved, SYS.write, group.number, cString("0"), 1);
  program.call("pipe2", "a pipe", SYS.pipe2, program.keep(new Uint8Array(8)), 0);
  return reapAll(program.startApart()).every(isKilled);
}

/** Collects all children of a process group; their status words. */
function reapAll(group: number): number[] {
  const words: number[] = [];
  const status = new Int32Array(1);
  const memory = new Uint8Array(status.buffer);
  for (;;) {
    try {
      syscall("wait4", `process group ${group}`, SYS.wait4, -group, memory, 0, 0);
    } catch (error) {
      if (isSysError(error, ECHILD)) return words;
      throw error;
    }
    words.push(status[0]!);
  }
}

function isKilled(word: number): boolean {
  const end = decodeStatus(word);
  return end.kind === "signalled" && end.signal === SIGNALS.KILL;
}
