/**
 * What is to be found in a container's /proc: made anew from what its guest tells of the processes, of which nothing is
 * taken that has not been understood. Readers take these files for the kernel's, and give up on all of them for one that
 * is malformed.
 */
import type { ProcessFiles, ProcessText } from "../hyperstart/mod.ts";

/** What is told of one process: files of its directory, by name, and more. */
export interface ProcessDirectory {
  pid: number;
  stat: string;
  status: string;
  cmdline: string;
  /** Number of the device that is its terminal; 0: none. */
  terminal: number;
}

/** Highest process id that any kernel gives (proc_sys_kernel(5), `pid_max`). */
const MAX_PID = 1 << 22;
/** Longest name of a process in bytes, with all of a kernel thread's. */
const MAX_NAME = 64;
const MAX_COMMAND = 4096;
/** NGROUPS_MAX would be more than anybody reads. */
const MAX_GROUPS = 64;
const MAX_ID = 2 ** 32 - 1;
/** More than any counter of a process that is to be added up, and less than what readers have room for. */
const MAX_COUNT = 1e15;
/** Fields of `stat` behind the name (proc_pid_stat(5)), of which the state is number 3. */
const FIELDS = 50, FIRST_FIELD = 3;
const PPID = 4, PGRP = 5, SESSION = 6, TTY = 7, TPGID = 8, UTIME = 14, CSTIME = 17, NICE = 19;
const STARTTIME = 22, VSIZE = 23;
const COUNTS = [UTIME, UTIME + 1, UTIME + 2, CSTIME, VSIZE];

/** A process as its guest's own namespace has it. */
interface Process {
  name: string;
  fields: string[];
  lines: ReadonlyMap<string, string>;
  cmdline: string;
  /** Its number in each namespace, the guest's own first. */
  pids: readonly number[];
}

/** The directories of a container's processes, by their numbers in the container, each once. */
export function processDirectories({ uptime, processes }: ProcessFiles): ProcessDirectory[] {
  const known = processes.map(understand).filter((each) => each !== undefined);
  // The container's own namespace; some of its processes may have made further ones.
  const level = Math.min(...known.map(({ pids }) => pids.length)) - 1;
  const inner = new Map(known.map(({ pids }) => [pids[0]!, pids[level]!]));
  const found = new Map<number, ProcessDirectory>();
  for (const process of known) {
    const pid = process.pids[level]!;
    if (found.has(pid)) continue;
    found.set(pid, {
      pid,
      stat: statOf(process, pid, level, inner, uptime),
      status: statusOf(process, pid, level, inner),
      cmdline: process.cmdline,
      terminal: terminalOf(process),
    });
  }
  return [...found.values()];
}

function understand({ stat, status, cmdline }: ProcessText): Process | undefined {
  // The name may hold parentheses, spaces and line ends.
  const [open, close] = [stat.indexOf("("), stat.lastIndexOf(")")];
  const fields = stat.slice(close + 1).trim().split(" ");
  const isWhole = open > 0 && close > open && fields.length >= FIELDS &&
    /^[A-Za-z]$/.test(fields[0]!) && fields.slice(1).every((each) => /^-?\d{1,20}$/.test(each));
  if (!isWhole) return undefined;
  const lines = new Map(
    status.split("\n").map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    }),
  );
  const pids = numbers(lines.get("NSpid"), MAX_PID).filter((each) => each > 0);
  if (pids.length === 0) return undefined;
  const name = printable(stat.slice(open + 1, close)).replaceAll("\0", "?").slice(0, MAX_NAME);
  const command = cmdline.slice(0, MAX_COMMAND);
  return { name, fields: fields.slice(0, FIELDS), lines, cmdline: printable(command), pids };
}

function statOf(
  process: Process,
  pid: number,
  level: number,
  inner: ReadonlyMap<number, number>,
  uptime: number,
): string {
  const { name, fields, lines } = process;
  const written = [...fields];
  const set = (field: number, value: number) => void (written[field - FIRST_FIELD] = String(value));
  const get = (field: number) => Number(fields[field - FIRST_FIELD]);
  set(PPID, inner.get(get(PPID)) ?? 0);
  set(PGRP, numbers(lines.get("NSpgid"), MAX_PID)[level] ?? 0);
  set(SESSION, numbers(lines.get("NSsid"), MAX_PID)[level] ?? 0);
  set(TTY, terminalOf(process));
  set(TPGID, inner.get(get(TPGID)) ?? -1);
  for (const field of COUNTS) set(field, within(get(field), 0, MAX_COUNT));
  set(NICE, within(get(NICE), -20, 19));
  set(STARTTIME, within(get(STARTTIME), 0, within(uptime, 0, MAX_COUNT)));
  return `${pid} (${name}) ${written.join(" ")}\n`;
}

function terminalOf({ fields }: Process): number {
  return within(Number(fields[TTY - FIRST_FIELD]), 0, MAX_ID);
}

/** What is missing is said to be nothing: readers count on these lines. */
function statusOf(
  { name, fields, lines }: Process,
  pid: number,
  level: number,
  inner: ReadonlyMap<number, number>,
): string {
  const ids = (key: string) => {
    const four = numbers(lines.get(key), MAX_ID);
    return (four.length === 4 ? four : [MAX_ID, MAX_ID, MAX_ID, MAX_ID]).join("\t");
  };
  const own = (key: string) => numbers(lines.get(key), MAX_PID)[level] ?? 0;
  const capabilities = (key: string) => {
    const set = lines.get(key) ?? "";
    return /^[0-9a-f]{16}$/.test(set) ? set : "0".repeat(16);
  };
  const small = (key: string, max: number) => numbers(lines.get(key), max)[0] ?? 0;
  const resident = /^(\d{1,15}) kB$/.exec(lines.get("VmRSS") ?? "");
  const text: [string, string | number][] = [
    ["Name", name.replaceAll(/\s/g, "_")],
    ["State", fields[0]!],
    ["Tgid", pid],
    ["Pid", pid],
    ["PPid", inner.get(Number(fields[PPID - FIRST_FIELD])) ?? 0],
    ["TracerPid", 0],
    ["Uid", ids("Uid")],
    ["Gid", ids("Gid")],
    ["Groups", numbers(lines.get("Groups"), MAX_ID).slice(0, MAX_GROUPS).join(" ")],
    ["NStgid", pid],
    ["NSpid", pid],
    ["NSpgid", own("NSpgid")],
    ["NSsid", own("NSsid")],
    ...(resident ? [["VmRSS", `${resident[1]} kB`] as [string, string]] : []),
    ["Threads", small("Threads", MAX_PID)],
    ...["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]
      .map((key): [string, string] => [key, capabilities(key)]),
    ["NoNewPrivs", small("NoNewPrivs", 1)],
    ["Seccomp", small("Seccomp", 2)],
  ];
  return text.map(([key, value]) => `${key}:\t${value}\n`).join("");
}

/** The whole numbers from 0 to `max` in a line; none when there is anything else. */
function numbers(line: string | undefined, max: number): number[] {
  const words = (line ?? "").split(/\s+/).filter((each) => each !== "");
  const found = words.map((word) => /^\d{1,10}$/.test(word) ? Number(word) : -1);
  return found.every((each) => each >= 0 && each <= max) ? found : [];
}

function within(value: number, least: number, most: number): number {
  return Math.min(Math.max(Math.trunc(value), least), most);
}

/** A terminal may be where this is read. Zero bytes part the words of a command. */
function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- a process can call itself anything
  return text.replace(/[\x01-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g, "?");
}
