import { assert, assertEquals } from "@std/assert";
import { Bench } from "../harness/podvisor.ts";

const BYTES = 8_000_000;

Deno.test("a command whose output nobody reads waits, and the others of its pod go on", async () => {
  await using bench = await Bench.make();
  const zeros = `dd if=/dev/zero bs=100000 count=${BYTES / 100_000} 2>/dev/null`;
  await bench.podvisor(["pod", "run", "web"]);
  const run = ["container", "run", "--pod", "web", "busybox", "sh", "-c", `${zeros}; exit 3`];
  const unread = bench.start(run);
  const reader = unread.stdout.getReader();
  const first = await reader.read();
  // More than all queues between the two processes hold.
  for (let round = 0; round < 3; round++) {
    const { code, stdout } = await bench.podvisor(run);
    assertEquals([code, stdout.length], [3, BYTES]);
  }
  let count = first.value?.length ?? 0;
  for (let piece; (piece = await reader.read()).value;) count += piece.value.length;
  const errors = await new Response(unread.stderr).text();
  assertEquals([count, (await unread.status).code, errors], [BYTES, 3, ""]);
  await bench.podvisor(["pod", "rm", "--force", "web"]);
  await bench.assertNothingLeft();
});

Deno.test("64 MiB through cat come back as they went, in memory that stays as it is", async () => {
  const total = 64 << 20, piece = 64 << 10, growth = 32 << 20;
  await using bench = await Bench.make();
  let sent = 0;
  const stdin = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === total) return controller.close();
      controller.enqueue(new Uint8Array(piece).fill(sent / piece));
      sent += piece;
    },
  });
  const command = bench.start(["run", "-i", "busybox", "cat"], { stdin });
  const watched: { pid: number; first: number; most: number }[] = [];
  let count = 0, wrong = 0;
  for await (const chunk of command.stdout) {
    // By then everybody has loaded and compiled what it takes.
    if (count >= total / 4 && watched.length === 0) {
      for (const pid of [command.pid, await proxyOf(bench)]) {
        watched.push({ pid, first: pssOf(pid), most: 0 });
      }
    }
    for (let at = 0; at < chunk.length; at += 1000) {
      if (chunk[at] !== ((count + at) / piece & 0xff)) wrong++;
    }
    count += chunk.length;
    // The last bytes are the end of the processes that are looked at.
    for (const each of watched) if (count < total) each.most = Math.max(each.most, pssOf(each.pid));
  }
  const errors = await new Response(command.stderr).text();
  assertEquals([count, wrong, (await command.status).code, errors], [total, 0, 0, ""]);
  assertEquals(watched.length, 2);
  for (const { first, most } of watched) {
    assert(most < first + growth, `it grew from ${first} to ${most} bytes`);
  }
  await bench.assertNothingLeft();
});

async function proxyOf({ state }: Bench): Promise<number> {
  for await (const { name } of Deno.readDir("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (line.includes("\0proxy\0") && line.includes(state)) return Number(name);
  }
  throw new Error("Cannot find the proxy: no process has its command line");
}

/** Bytes: proc(5), smaps_rollup. */
function pssOf(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return Number(/^Pss: +(\d+)/m.exec(text)![1]) * 1024;
}
