import { assertEquals } from "@std/assert";
import { collectOrphans } from "../../../../lib/guest/agent/orphans.ts";
import { childStatus, openProcess, spawn, waitForEnd } from "../../../../lib/sys/mod.ts";

async function endedChild(code: number): Promise<number> {
  const pid = spawn({ command: ["/bin/sh", "-c", `exit ${code}`] });
  using process = openProcess(pid)!;
  await waitForEnd(process);
  return pid;
}

Deno.test("processes that nobody knows are collected when they have ended, others are left", async () => {
  const pids = [await endedChild(1), await endedChild(2)];
  collectOrphans(() => true);
  assertEquals(pids.map((pid) => childStatus(pid)), [
    { kind: "exited", code: 1 },
    { kind: "exited", code: 2 },
  ]);
  collectOrphans((pid) => !pids.includes(pid));
  assertEquals(pids.map((pid) => childStatus(pid)), [undefined, undefined]);
});

Deno.test("a process that still runs is no orphan to be collected", async () => {
  const pid = spawn({ command: ["/bin/sleep", "100"] });
  using process = openProcess(pid)!;
  collectOrphans((each) => each !== pid);
  Deno.kill(pid, "SIGKILL");
  await waitForEnd(process);
  assertEquals(childStatus(pid), { kind: "signalled", signal: 9 });
  collectOrphans((each) => each !== pid);
});
