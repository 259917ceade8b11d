import { basename, dirname, join } from "@std/path";
import { connectUnix, openProcess, sendDescriptor } from "../../sys/mod.ts";

/** Where an engine wants to be told of the process that stands for another one. */
export interface PidPlaces {
  pidFile?: string | undefined;
  /** Path of a socket that takes a descriptor of it (pidfd_open(2)). */
  pidfdSocket?: string | undefined;
}

/** Tells an engine the process. @throws {SysError} when nobody listens on the socket */
export function tellProcess({ pidFile, pidfdSocket }: PidPlaces, pid: number): void {
  if (pidfdSocket !== undefined) {
    using process = openProcess(pid);
    using socket = connectUnix(pidfdSocket);
    if (process) sendDescriptor(socket, process, "pidfd");
  }
  if (pidFile !== undefined) writePidFile(pidFile, pid);
}

/** Writes a pid file: who waits for it never finds half of it. */
function writePidFile(path: string, pid: number): void {
  const beside = join(dirname(path), `.${basename(path)}`);
  Deno.writeTextFileSync(beside, String(pid));
  Deno.renameSync(beside, path);
}
