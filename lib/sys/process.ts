import { ECHILD, ESRCH } from "./errno.ts";
import { isSysError } from "./error.ts";
import { Fd } from "./fd.ts";
import { SYS } from "./numbers.ts";
import { blockingSyscall, syscall } from "./syscall.ts";

const POLLIN = 1;

/** How a process ended. */
export type ExitStatus =
  | { kind: "exited"; code: number }
  | { kind: "signalled"; signal: number };

/**
 * Sends a signal (kill(2)); 0 only asks whether the process is there.
 *
 * @returns whether the process was there
 * @throws {SysError} when it may not be signalled
 */
export function signalProcess(pid: number, signal: number): boolean {
  try {
    syscall("kill", `pid ${pid}`, SYS.kill, pid, signal);
    return true;
  } catch (error) {
    if (isSysError(error, ESRCH)) return false;
    throw error;
  }
}

/**
 * A descriptor that stays with this very process, whatever becomes of its number (pidfd_open(2)); nothing when there is
 * no such process.
 */
export function openProcess(pid: number): Fd | undefined {
  try {
    return new Fd(syscall("pidfd_open", `pid ${pid}`, SYS.pidfd_open, pid, 0));
  } catch (error) {
    if (isSysError(error, ESRCH)) return undefined;
    throw error;
  }
}

/**
 * Signals the very process that a descriptor stands for (pidfd_send_signal(2)).
 *
 * @returns whether it was there
 * @throws {SysError} when it may not be signalled
 */
export function signalOpened(process: Fd, signal: number): boolean {
  const { number } = process;
  try {
    syscall("pidfd_send_signal", "a process", SYS.pidfd_send_signal, number, signal, 0, 0);
    return true;
  } catch (error) {
    if (isSysError(error, ESRCH)) return false;
    throw error;
  }
}

/**
 * Waits until a process, child or not, has ended.
 *
 * @param timeout milliseconds; without one, for ever
 * @returns whether it has ended
 */
export async function waitForEnd(process: Fd, timeout = -1): Promise<boolean> {
  return await waitForInput(process, timeout);
}

/**
 * Waits until there is something to be read from a descriptor, or an end (poll(2)).
 *
 * @param timeout milliseconds; without one, for ever
 * @returns whether there is
 */
export async function waitForInput({ number }: Fd, timeout = -1): Promise<boolean> {
  // struct pollfd: int fd, short events, short revents.
  const entry = new DataView(new ArrayBuffer(8));
  entry.setInt32(0, number, true);
  entry.setInt16(4, POLLIN, true);
  const memory = new Uint8Array(entry.buffer);
  return await blockingSyscall("poll", `descriptor ${number}`, SYS.poll, memory, 1, timeout) > 0;
}

/**
 * Waits some milliseconds on another thread. Where the start counts, this is better than `setTimeout`, whose first use
 * makes the runtime load its timers: 10 ms, and hundreds in an emulated machine.
 */
export async function pause(milliseconds: number): Promise<void> {
  await blockingSyscall("poll", "nothing", SYS.poll, 0, 0, milliseconds);
}

/**
 * Collects a child's exit status without waiting; nothing while it runs, or when it is no child of ours.
 *
 * @throws {SysError}
 */
export function collectChild(pid: number): ExitStatus | undefined {
  const WNOHANG = 1;
  const status = new Int32Array(1);
  const memory = new Uint8Array(status.buffer);
  try {
    if (syscall("wait4", `pid ${pid}`, SYS.wait4, pid, memory, WNOHANG, 0) === 0) return undefined;
  } catch (error) {
    if (isSysError(error, ECHILD)) return undefined;
    throw error;
  }
  return decodeStatus(status[0]!);
}

/**
 * A child's exit status without waiting, which stays to be collected: that takes the kernel longer. Nothing while it
 * runs, or when it is no child of ours.
 *
 * @throws {SysError}
 */
export function childStatus(pid: number): ExitStatus | undefined {
  const P_PID = 1;
  return endedChild(P_PID, pid)?.status;
}

/** The first child to have ended whose status is still to be collected, if there is one. @throws {SysError} */
export function firstEndedChild(): number | undefined {
  const P_ALL = 0;
  return endedChild(P_ALL, 0)?.pid;
}

/** See waitid(2). */
function endedChild(kind: number, id: number): { pid: number; status: ExitStatus } | undefined {
  const WEXITED = 4, WNOHANG = 1, WNOWAIT = 0x1000000;
  // siginfo_t: int si_code at 8, pid_t si_pid at 16, int si_status at 24.
  const info = new Int32Array(32);
  const memory = new Uint8Array(info.buffer);
  try {
    const options = WEXITED | WNOHANG | WNOWAIT;
    syscall("waitid", `child ${id}`, SYS.waitid, kind, id, memory, options, 0);
  } catch (error) {
    if (isSysError(error, ECHILD)) return undefined;
    throw error;
  }
  const [code, pid, value] = [info[2]!, info[4]!, info[6]!];
  if (pid === 0) return undefined;
  const CLD_EXITED = 1;
  const status: ExitStatus = code === CLD_EXITED
    ? { kind: "exited", code: value }
    : { kind: "signalled", signal: value };
  return { pid, status };
}

/** Reads a wait status word: wait(2), WIFEXITED and its kin. */
export function decodeStatus(word: number): ExitStatus {
  const signal = word & 0x7f;
  return signal === 0
    ? { kind: "exited", code: (word >> 8) & 0xff }
    : { kind: "signalled", signal };
}

/** The exit code as shells have it: the process's own, or 128 and the signal that ended it. */
export function exitCode(status: ExitStatus): number {
  return status.kind === "exited" ? status.code : 128 + status.signal;
}
