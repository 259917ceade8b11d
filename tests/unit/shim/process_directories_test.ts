import { assert, assertEquals } from "@std/assert";
import { parseProcessFiles, type ProcessText } from "../../../lib/hyperstart/mod.ts";
import { processDirectories } from "../../../lib/shim/process_directories.ts";
import { seeded } from "../generated.ts";

const CAPABILITIES = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

/** A process as a kernel tells of it, with its numbers in two namespaces. */
function told(pids: [number, number], ppid: number, { name = "sh", cmdline = "sh\0-c\0x\0" } = {}) {
  const [pid, own] = pids;
  const rest = `S ${ppid} ${pid} ${pid} 34817 ${pid} 4194560 1 0 0 0 60 15 0 0 20 -5 1 0 77 ` +
    "8192000 250 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 1 2 3 4 5 6 7 0";
  const status = `Uid:\t7\t8\t9\t10\nGid:\t1\t2\t3\t4\nGroups:\t5 6 \nNSpid:\t${pid}\t${own}\n` +
    `NSpgid:\t${pid}\t${own}\nNSsid:\t${pid}\t${own}\nVmRSS:\t     100 kB\nThreads:\t2\n` +
    `CapEff:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2`;
  return { stat: `${pid} (${name}) ${rest}`, status, cmdline };
}

Deno.test("processes have the numbers that they have in the container, and what is outside is 0", () => {
  const processes = [told([70, 1], 12), told([80, 5], 70)];
  const [first, second] = processDirectories({ uptime: 1000, processes });
  assertEquals([first!.pid, second!.pid, first!.terminal], [1, 5, 34817]);
  assertEquals(first!.stat.split(" ").slice(0, 8).join(" "), "1 (sh) S 0 1 1 34817 1");
  assertEquals(second!.stat.split(" ").slice(0, 8).join(" "), "5 (sh) S 1 5 5 34817 5");
  assertEquals(second!.stat.split(" ")[21], "77");
  assertEquals(second!.cmdline, "sh\0-c\0x\0");
  const lines = second!.status.split("\n");
  for (
    const line of ["Name:\tsh", "PPid:\t1", "Uid:\t7\t8\t9\t10", "Groups:\t5 6", "VmRSS:\t100 kB"]
      .concat("CapEff:\t00000000a80425fb", "CapAmb:\t0000000000000000", "Seccomp:\t2")
  ) assert(lines.includes(line), line);
});

Deno.test("names and commands cannot speak to a terminal, or pass for other fields", () => {
  const text = { name: "a) Z 9\n(\x1b]0;", cmdline: "x\x1b[2J\0\u202e\n\0" };
  const [found] = processDirectories({ uptime: 0, processes: [told([9, 1], 0, text)] });
  assertEquals(found!.stat.slice(0, 24), "1 (a) Z 9?(?]0;) S 0 1 1");
  assertEquals(found!.status.split("\n")[0], "Name:\ta)_Z_9?(?]0;");
  assertEquals(found!.cmdline, "x?[2J\0??\0");
});

Deno.test("one number is one process, and a namespace within the container changes nothing", () => {
  const nested = told([90, 6], 70);
  const processes = [told([70, 1], 0), told([71, 1], 0), {
    ...nested,
    status: nested.status.replace("NSpid:\t90\t6", "NSpid:\t90\t6\t1"),
  }];
  assertEquals(processDirectories({ uptime: 0, processes }).map(({ pid }) => pid), [1, 6]);
});

Deno.test("whatever a guest tells, the files are whole and bounded, as readers need them (20000 processes)", () => {
  const random = seeded(6);
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const words = [
    "-1",
    "4294967296",
    "99999999999999999999",
    "",
    "NaN",
    "1e3",
    "0x1",
    ")",
    "(",
    "\n",
  ]
    .concat("\0", "\x1b[0m", "../1", "S", "é".repeat(9), "Uid:", "NSpid:\t7", "7\t7\t7\t7", "%s");
  const spoil = (text: string): string => {
    let spoilt = text;
    for (let times = Math.floor(random() * 4); times > 0; times--) {
      const at = Math.floor(random() * spoilt.length);
      spoilt = spoilt.slice(0, at) + pick(words) + spoilt.slice(at + Math.floor(random() * 6));
    }
    return spoilt;
  };
  let found = 0;
  for (let round = 0; round < 4000; round++) {
    const processes = Array.from({ length: 5 }, (_, at): ProcessText => {
      const { stat, status, cmdline } = told([100 + at, 1 + at], 100);
      return {
        stat: spoil(stat),
        status: spoil(status),
        cmdline: spoil(cmdline).repeat(pick([1, 900])),
      };
    });
    const uptime = pick([0, 5000, Number.MAX_SAFE_INTEGER]);
    const payload = new TextEncoder().encode(JSON.stringify({ uptime, processes }));
    const directories = processDirectories(parseProcessFiles(payload));
    assertEquals(new Set(directories.map(({ pid }) => pid)).size, directories.length);
    for (const each of directories) checkReadable(each, uptime);
    found += directories.length;
  }
  assert(found > 2000, `only ${found} were understood`);
});

/** What podman's reader asks of the files: where it does not find it, it shows nothing at all. */
function checkReadable(
  { pid, stat, status, cmdline }: ReturnType<typeof processDirectories>[number],
  uptime: number,
): void {
  assert(Number.isInteger(pid) && pid > 0 && pid <= 2 ** 22);
  // deno-lint-ignore no-control-regex -- that is what is looked for
  assert(!/[\x01-\x08\x0b-\x1f\x7f-\x9f]/.test(stat + status + cmdline));
  assert(cmdline.length <= 4096 && !cmdline.includes("\n"));
  assert(stat.indexOf("\n") === stat.length - 1 && !stat.includes("\0") && stat.length < 2000);
  const fields = stat.slice(stat.lastIndexOf(")") + 1).trim().split(" ");
  assertEquals(fields.length, 50);
  for (const at of [4, 11, 12, 19, 20]) {
    const value = Number(fields[at]);
    assert(/^\d{1,16}$/.test(fields[at]!) && value <= 1e15, stat);
  }
  assert(Number(fields[19]) <= uptime);
  const lines = status.trimEnd().split("\n").map((line) => line.split(/:\t/));
  assert(lines.every(({ length }) => length === 2), status);
  const line = (key: string) => lines.find(([name]) => name === key)?.[1] ?? "";
  for (const key of ["Uid", "Gid"]) assert(/^\d{1,10}(\t\d{1,10}){3}$/.test(line(key)), status);
  for (const key of CAPABILITIES) assert(/^[0-9a-f]{16}$/.test(line(key)), status);
  assert(/^(0|[1-9]\d*)?( \d+)*$/.test(line("Groups")), status);
}

Deno.test("more processes than a host takes are refused", () => {
  const process = told([9, 1], 0);
  const payload = new TextEncoder().encode(
    JSON.stringify({ uptime: 1, processes: Array(1001).fill(process) }),
  );
  let refused = "";
  try {
    parseProcessFiles(payload);
  } catch (error) {
    refused = (error as Error).message;
  }
  assertEquals(refused, "Cannot read processes: they are 1001");
});
