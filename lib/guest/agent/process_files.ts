import { type ProcessFiles, type ProcessText, STATUS_LINES } from "../../hyperstart/mod.ts";
import { O_RDONLY, open, SysError } from "../../sys/mod.ts";
import { readFile, readToEnd } from "./guest_files.ts";

/** Bytes of a command line that are told. */
const LONGEST_COMMAND = 4096;
const TICKS_PER_SECOND = 100;

/** What the kernel tells of some processes; those that have ended are left out. */
export function processFiles(pids: readonly number[]): ProcessFiles {
  const processes = pids.map(readProcess).filter((each) => each !== undefined);
  const [seconds] = readFile("/proc/uptime").split(" ");
  return { uptime: Math.round(Number(seconds) * TICKS_PER_SECOND), processes };
}

function readProcess(pid: number): ProcessText | undefined {
  try {
    const stat = readFile(`/proc/${pid}/stat`);
    const status = readFile(`/proc/${pid}/status`).split("\n")
      .filter((line) => STATUS_LINES.includes(line.slice(0, line.indexOf(":"))));
    using command = open(`/proc/${pid}/cmdline`, O_RDONLY);
    const cmdline = readToEnd(command.number, LONGEST_COMMAND).slice(0, LONGEST_COMMAND);
    return { stat, status: status.join("\n"), cmdline };
  } catch (error) {
    if (error instanceof SysError) return undefined;
    throw error;
  }
}
