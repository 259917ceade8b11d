import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseProcess, processTable } from "../../../../lib/guest/agent/process_table.ts";

const STAT = "42 (a) b) S 1 42 42 34816 42 4194560 1 0 0 0 6000 1500 0 0 20 0 1 0 77 " +
  "8192000 250 18446744073709551615 1 1 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0";

Deno.test("a process is read from what the kernel tells, whatever its name is", () => {
  const row = parseProcess(42, 7, STAT, "sh\0-c\0echo \n\0");
  assertEquals(row, {
    pid: 42,
    ppid: 1,
    uid: 7,
    comm: "a) b",
    args: "sh -c echo ?",
    state: "S",
    tty: "pts/0",
    time: 75,
    vsz: 8000,
    rss: 1000,
  });
});

Deno.test("a process without a command line shows its name", () => {
  assertEquals(parseProcess(42, 0, STAT, "").args, "[a) b]");
});

Deno.test("the table shows the processes asked for and leaves out those that have ended", () => {
  const table = processTable([Deno.pid, 2 ** 30], []).trimEnd().split("\n");
  assertEquals(table.length, 2);
  assertEquals(table[0]!.split(/\s+/), ["UID", "PID", "PPID", "TTY", "TIME", "CMD"]);
  assertStringIncludes(table[1]!, String(Deno.pid));
});

Deno.test("columns can be chosen as ps has them", () => {
  for (const args of [["-o", "pid,comm"], ["-e -o pid,ucmd"], ["axo", "pid,comm"]]) {
    const [head, row] = processTable([Deno.pid], args).split("\n");
    assertEquals(head!.trim().split(/\s+/), ["PID", "COMMAND"]);
    assertEquals(row!.trim().split(/\s+/)[0], String(Deno.pid));
  }
  assertEquals(processTable([Deno.pid], ["-ef"]), processTable([Deno.pid], []));
});

Deno.test("arguments that are not understood are refused by name", () => {
  assertThrows(() => processTable([], ["--forest"]), Error, "unknown argument --forest");
  assertThrows(() => processTable([], ["-o", "wchan"]), Error, "unknown column wchan");
});
