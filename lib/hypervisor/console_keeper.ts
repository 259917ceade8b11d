import { BoundedFile } from "../bounded_file.ts";
import { openIdentified, selfCommand, spawn, waitForEnd } from "../sys/mod.ts";
import type { Vm } from "./hypervisor.ts";
import { CONSOLE_KEEPER } from "./process_names.ts";

/**
 * Starts a process that keeps a VM's console small as long as the VM runs: for a pod whose proxy, unlike podvisor's own,
 * does not.
 *
 * @throws {SysError}
 */
export function startConsoleKeeper({ process, consolePath }: Vm): void {
  const { pid, startTime } = process;
  spawn({
    command: selfCommand([CONSOLE_KEEPER, consolePath, `${pid}`, `${startTime}`]),
    cwd: "/",
    detached: true,
  });
}

/** `podvisor console-keeper FILE PID STARTTIME`. @returns the exit code */
export async function consoleKeeperMain(args: readonly string[]): Promise<number> {
  const [path = "", pid, startTime] = args;
  using process = openIdentified({ pid: Number(pid), startTime: Number(startTime) });
  if (!process) return 0;
  using _bounded = new BoundedFile(path);
  await waitForEnd(process);
  return 0;
}
