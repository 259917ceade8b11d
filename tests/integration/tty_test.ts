import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { Bench, eventually, PODVISOR } from "../harness/podvisor.ts";
import { Terminal } from "../harness/terminal.ts";

/** A terminal, and podvisor on it with a command in a VM. */
async function onTerminal(bench: Bench, command: string[]) {
  const terminal = new Terminal(31, 97);
  const before = await terminal.mode();
  const pid = terminal.start([...PODVISOR, "run", "-it", "busybox", ...command], bench.env);
  return { terminal, before, pid };
}

/** The process of a pod that a word in its command line tells. */
async function processOf(bench: Bench, pattern: RegExp): Promise<number> {
  for (const each of await bench.leftovers()) {
    const [, pid, line] = /^process (\d+): (.*)/s.exec(each) ?? [];
    if (pid && pattern.test(line!)) return Number(pid);
  }
  throw new Error(`No process of the pod is like ${pattern}`);
}

Deno.test("a command that asks for its terminal's size at once finds it", async () => {
  await using bench = await Bench.make();
  const { terminal, pid } = await onTerminal(bench, ["stty", "size"]);
  using _ = terminal;
  await terminal.expect(/31 97\r\n/);
  assertEquals(await terminal.end(pid), 0);
});

Deno.test("a shell on a terminal is as at home: size, interrupt, job control", async (t) => {
  await using bench = await Bench.make();
  const { terminal, before, pid } = await onTerminal(bench, ["sh"]);
  using _ = terminal;
  await terminal.expect(/\/ # /);

  await t.step("keys go to the command as they are", async () => {
    assertNotEquals(await terminal.mode(), before);
    await terminal.type("tty; echo $((6*7))\r");
    await terminal.expect(/\r\n\/dev\/pts\/\d+\r\n42\r\n\/ # /);
  });

  await t.step(
    "the window's size is the command's, from the start and when it changes",
    async () => {
      await terminal.type("stty size\r");
      await terminal.expect(/\r\n31 97\r\n\/ # /);
      const command = `trap "stty size" WINCH; echo rea''dy; while sleep 0.2; do :; done`;
      await terminal.type(`sh -c '${command.replaceAll("'", '"')}'\r`);
      await terminal.expect(/\r\nready\r\n/);
      terminal.resize(40, 120);
      await terminal.expect(/40 120\r\n/);
      await terminal.type("\x03");
      await terminal.expect(/\/ # /);
      await terminal.type("stty size\r");
      await terminal.expect(/\r\n40 120\r\n\/ # /);
    },
  );

  await t.step("Ctrl-C interrupts what runs in the foreground", async () => {
    await terminal.type("echo g''o; sleep 600\r");
    await terminal.expect(/\r\ngo\r\n/);
    await terminal.type("\x03");
    await terminal.expect(/\/ # /);
    await terminal.type("echo =$?=\r");
    await terminal.expect(/\r\n=130=\r\n/);
  });

  await t.step("jobs go to the background, to the foreground, and stop at Ctrl-Z", async () => {
    await terminal.type("sleep 600 &\r");
    await terminal.expect(/\/ # /);
    await terminal.type("jobs\r");
    await terminal.expect(/Running +sleep 600/);
    await terminal.type("fg\r");
    await terminal.expect(/fg\r\nsleep 600\r\n/);
    await terminal.type("\x1a");
    await terminal.expect(/Stopped/);
    await terminal.expect(/\/ # /);
    await terminal.type("fg\r");
    await terminal.expect(/fg\r\nsleep 600\r\n/);
    await terminal.type("\x03");
    await terminal.expect(/\/ # /);
    await terminal.type("jobs; echo =no''ne=\r");
    await terminal.expect(/jobs; echo =no''ne=\r\n=none=\r\n/);
  });

  await t.step("after its end the terminal is as it was", async () => {
    await terminal.type("exit 5\r");
    assertEquals(await terminal.end(pid), 5);
    assertEquals(await terminal.mode(), before);
    await bench.assertNothingLeft();
  });
});

Deno.test("after SIGTERM the terminal is as it was", async () => {
  await using bench = await Bench.make();
  const command = "trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 0.1; done";
  const { terminal, before, pid } = await onTerminal(bench, ["sh", "-c", command]);
  using _ = terminal;
  await terminal.expect(/ready\r\n/);
  assertNotEquals(await terminal.mode(), before);
  // The signal is the command's once podvisor has noted that it runs.
  await eventually("the signal's arrival", () => {
    if (/caught/.test(terminal.rest)) return true;
    Deno.kill(pid, "SIGTERM");
    return undefined;
  });
  assertEquals(await terminal.end(pid), 9);
  assertEquals(await terminal.mode(), before);
  await bench.assertNothingLeft();
});

Deno.test("when the VM is killed the terminal is as it was, and the error reads well on it", async () => {
  await using bench = await Bench.make();
  const { terminal, before, pid } = await onTerminal(bench, ["sh", "-c", "echo ready; sleep 600"]);
  using _ = terminal;
  await terminal.expect(/ready\r\n/);
  Deno.kill(await processOf(bench, /qemu/), "SIGKILL");
  assertEquals(await terminal.end(pid), 125);
  assertEquals(await terminal.mode(), before);
  assertMatch(terminal.rest, /^podvisor: [^\n]+\r\n/m);
  await bench.assertNothingLeft();
});

Deno.test("when the terminal goes away the command gets SIGHUP, and nothing is left", async () => {
  await using bench = await Bench.make();
  const command = "trap 'exit 0' HUP; echo ready; while :; do sleep 0.1; done";
  const { terminal, pid } = await onTerminal(bench, ["sh", "-c", command]);
  await terminal.expect(/ready\r\n/);
  await eventually("the pod's record", async () => (await bench.leftovers()).length > 2);
  terminal[Symbol.dispose]();
  await eventually("podvisor's end", () => !isRunning(pid));
  await bench.assertNothingLeft();
});

Deno.test("an archive goes in on stdin and its names come out", async () => {
  await using bench = await Bench.make();
  const directory = `${bench.state}/files`;
  await Deno.mkdir(directory);
  const names = Array.from({ length: 200 }, (_, at) => `file-${at}`).sort();
  for (const [at, name] of names.entries()) {
    await Deno.writeFile(`${directory}/${name}`, new Uint8Array(at * 20));
  }
  const tar = await new Deno.Command("tar", { args: ["-c", "-C", directory, "."] }).output();
  const { code, stdout } = await bench.podvisor(["run", "-i", "busybox", "tar", "t"], {
    stdin: tar.stdout,
  });
  assertEquals(code, 0);
  assertEquals(stdout.trim().split("\n").sort(), ["./", ...names.map((name) => `./${name}`)]);
  await bench.assertNothingLeft();
});

Deno.test("64 MiB pass through a command unchanged, and no process keeps them", async () => {
  const MIB = 1 << 20, total = 64 * MIB, growth = 24 * 1024;
  await using bench = await Bench.make();
  let sent = 0;
  const stdin = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (sent === total) return controller.close();
      controller.enqueue(pattern(sent, MIB / 16));
      sent += MIB / 16;
    },
  });
  const child = bench.start(["run", "-i", "busybox", "cat"], { stdin });
  let received = 0;
  let resident: Map<number, number> | undefined;
  for await (const chunk of child.stdout) {
    const expected = pattern(received, chunk.length);
    assert(chunk.every((byte, at) => byte === expected[at]), `differs after ${received} bytes`);
    received += chunk.length;
    // By then everything is loaded and every buffer is there.
    if (!resident && received >= 16 * MIB) resident = await memory(bench, child.pid);
    if (received < 60 * MIB || !resident || resident.size === 0) continue;
    for (const [pid, kilobytes] of await memory(bench, child.pid)) {
      const before = resident.get(pid) ?? 0;
      assert(kilobytes - before < growth, `process ${pid} grew from ${before} to ${kilobytes} KiB`);
    }
    assert(resident.size >= 2, "the command and its proxy are looked at");
    resident = new Map();
  }
  assertEquals((await child.status).code, 0);
  assertEquals(received, total);
  assertEquals(resident?.size, 0, "the processes were looked at");
  assertEquals(await new Response(child.stderr).text(), "");
  await bench.assertNothingLeft();
});

/** Bytes of a stream in which every place differs from those near it. */
function pattern(offset: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => {
    const at = offset + index;
    return (at ^ (at >> 8) * 31 ^ (at >> 16) * 17) & 0xff;
  });
}

/** Kilobytes resident of the command and of its proxy, by pid. */
async function memory(bench: Bench, pid: number): Promise<Map<number, number>> {
  const found = new Map<number, number>();
  for (const each of [pid, await processOf(bench, /(^| )proxy /)]) {
    const status = await Deno.readTextFile(`/proc/${each}/status`);
    found.set(each, Number(/VmRSS:\s+(\d+)/.exec(status)![1]));
  }
  return found;
}

function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
