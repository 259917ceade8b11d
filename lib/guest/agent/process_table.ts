import { Refusal } from "./runtime.ts";

/** What one process shows. */
interface Row {
  pid: number;
  ppid: number;
  uid: number;
  state: string;
  comm: string;
  args: string;
  /** Seconds of CPU time. */
  time: number;
  /** Name of the terminal, or `?`. */
  tty: string;
  /** Kilobytes. */
  rss: number;
  vsz: number;
}

type Column = [title: string, width: number, text: (row: Row) => string];

const COLUMNS: Readonly<Record<string, Column>> = {
  user: ["USER", -8, (row) => userName(row.uid)],
  uid: ["UID", 5, (row) => String(row.uid)],
  pid: ["PID", 7, (row) => String(row.pid)],
  ppid: ["PPID", 7, (row) => String(row.ppid)],
  stat: ["STAT", -4, (row) => row.state],
  tty: ["TT", -8, (row) => row.tty],
  time: ["TIME", 8, (row) => clock(row.time)],
  rss: ["RSS", 6, (row) => String(row.rss)],
  vsz: ["VSZ", 7, (row) => String(row.vsz)],
  comm: ["COMMAND", 0, (row) => row.comm],
  args: ["COMMAND", 0, (row) => row.args],
};

const ALIASES: Readonly<Record<string, string>> = {
  cmd: "args",
  command: "args",
  ucmd: "comm",
  euser: "user",
  s: "stat",
  state: "stat",
  tt: "tty",
  tname: "tty",
};

const FULL: readonly Column[] = [
  ["UID", -8, (row) => userName(row.uid)],
  COLUMNS.pid!,
  COLUMNS.ppid!,
  ["TTY", -8, (row) => row.tty],
  COLUMNS.time!,
  ["CMD", 0, (row) => row.args],
];

const TICKS_PER_SECOND = 100;
const PAGE_KILOBYTES = 4;

/**
 * A table of processes as ps prints it.
 *
 * @param pids that are shown; those that have ended are left out
 * @param args of ps: none or `-ef` for the full format, `-o` with columns
 * @throws {Refusal} for other arguments
 */
export function processTable(pids: readonly number[], args: readonly string[]): string {
  const columns = chosenColumns(args);
  const rows = pids.map(readProcess).filter((row) => row !== undefined);
  const line = (cells: string[]) =>
    cells.map((cell, at) => {
      const width = columns[at]![1];
      return width > 0 ? cell.padStart(width) : cell.padEnd(-width);
    }).join(" ").trimEnd() + "\n";
  return line(columns.map(([title]) => title)) +
    rows.map((row) => line(columns.map(([, , text]) => text(row)))).join("");
}

function chosenColumns(args: readonly string[]): readonly Column[] {
  const words = args.flatMap((each) => each.split(/\s+/)).filter((each) => each !== "");
  const columns: Column[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (/^-?[eAfawxlu]+$/.test(word)) continue;
    const match = /^-?[eAfawxlu]*o(.*)$/.exec(word);
    const names = match?.[1] === "" ? words[++at] : match?.[1];
    if (names === undefined) throw new Refusal(`Cannot list processes: unknown argument ${word}`);
    for (const name of names.split(",")) {
      const column = COLUMNS[ALIASES[name] ?? name];
      if (!column) throw new Refusal(`Cannot list processes: unknown column ${name}`);
      columns.push(column);
    }
  }
  return columns.length > 0 ? columns : FULL;
}

function readProcess(pid: number): Row | undefined {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    const command = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
    const { uid } = Deno.statSync(`/proc/${pid}`);
    return parseProcess(pid, uid ?? 0, stat, command);
  } catch {
    return undefined;
  }
}

/** Reads /proc/PID/stat and cmdline: proc(5). */
export function parseProcess(pid: number, uid: number, stat: string, cmdline: string): Row {
  // The name may hold parentheses, spaces and line ends.
  const [open, close] = [stat.indexOf("("), stat.lastIndexOf(")")];
  const fields = stat.slice(close + 2).split(" ");
  const comm = printable(stat.slice(open + 1, close));
  const args = printable(cmdline.replace(/\0+$/, "").replaceAll("\0", " "));
  return {
    pid,
    uid,
    comm,
    args: args === "" ? `[${comm}]` : args,
    state: fields[0] ?? "?",
    ppid: Number(fields[1]),
    tty: terminalName(Number(fields[4])),
    time: Math.floor((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND),
    vsz: Math.floor(Number(fields[20]) / 1024),
    rss: Number(fields[21]) * PAGE_KILOBYTES,
  };
}

function printable(text: string): string {
  // deno-lint-ignore no-control-regex -- a process can call itself anything
  return text.replace(/[\x00-\x1f\x7f]/g, "?");
}

function terminalName(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  return major >= 136 && major <= 143 ? `pts/${(major - 136) * 256 + minor}` : "?";
}

/** The guest has no accounts of its own. */
function userName(uid: number): string {
  return uid === 0 ? "root" : String(uid);
}

function clock(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${
    two(seconds % 60)
  }`;
}
