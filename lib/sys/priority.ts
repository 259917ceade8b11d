import { SYS } from "./numbers.ts";
import { syscall } from "./syscall.ts";

const PRIO_PROCESS = 0, LEAST = 19;

/** Lets this thread, and the processes that it starts, give way to all others (setpriority(2)). @throws {SysError} */
export function giveWay(): void {
  syscall("setpriority", "this thread", SYS.setpriority, PRIO_PROCESS, 0, LEAST);
}
