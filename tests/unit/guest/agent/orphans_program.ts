/**
 * Collects orphans in a process of its own, whose only children are those made here, and prints what is left of them
 * after each round.
 */
import { collectOrphans } from "../../../../lib/guest/agent/orphans.ts";
import { childStatus, openProcess, spawn, waitForEnd } from "../../../../lib/sys/mod.ts";

async function endOf(pid: number): Promise<void> {
  using process = openProcess(pid)!;
  await waitForEnd(process);
}

const pids = [1, 2].map((code) => spawn({ command: ["/bin/sh", "-c", `exit ${code}`] }));
for (const pid of pids) await endOf(pid);
const running = spawn({ command: ["/bin/sleep", "100"] });
const rounds = [];

collectOrphans(() => true);
rounds.push(pids.map(childStatus));
collectOrphans((pid) => !pids.includes(pid));
rounds.push(pids.map(childStatus));
collectOrphans(() => false);
Deno.kill(running, "SIGKILL");
await endOf(running);
rounds.push([childStatus(running)]);
const told = JSON.stringify(rounds.map((round) => round.map((status) => status ?? null)));
Deno.stdout.writeSync(new TextEncoder().encode(told));
