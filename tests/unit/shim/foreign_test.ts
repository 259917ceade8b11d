import { assertEquals } from "@std/assert";
import { makeShim, readLog } from "../../../lib/shim/mod.ts";
import { serveForeignDetached } from "../../../lib/shim/foreign_detached.ts";
import { signalProcess, SIGNALS } from "../../../lib/sys/mod.ts";

const WHO = { container: "c", token: "t", url: "unix:///x" };

// The library of system calls stays open: it is loaded before a test could be blamed for it.
signalProcess(Deno.pid, 0);

/** A stand-in for cc-shim: a script. */
async function script(text: string): Promise<{ path: string; directory: string }> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/cc-shim`;
  await Deno.writeTextFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return { path, directory };
}

Deno.test("cc-shim gets the arguments that virtcontainers gives it, and its exit code is the process's", async () => {
  const { path, directory } = await script(`echo "$@" > ${"$0"}.args; exit 7`);
  const streams = { interactive: true, terminal: false };
  const shim = makeShim({ kind: "cc-shim", path }, { ...WHO, ...streams });
  assertEquals(await shim.run(), { kind: "exited", code: 7 });
  assertEquals(await Deno.readTextFile(`${path}.args`), "-c c -t t -u unix:///x\n");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("signals go to cc-shim, closing kills it, and one that is not there is a loss", async () => {
  const { path, directory } = await script(
    `trap 'exit 9' TERM; : > "$0.up"; while :; do sleep 0.01; done`,
  );
  const streams = { interactive: false, terminal: false };
  const up = async () => {
    while (true) {
      const there = await Deno.stat(`${path}.up`).then(() => true, () => false);
      if (there) return await Deno.remove(`${path}.up`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const shim = makeShim({ kind: "cc-shim", path }, { ...WHO, ...streams });
  const result = shim.run();
  await up();
  await shim.signal(SIGNALS.TERM!);
  assertEquals(await result, { kind: "exited", code: 9 });
  await shim.signal(SIGNALS.TERM!);

  const other = makeShim({ kind: "cc-shim", path }, { ...WHO, ...streams });
  const end = other.run();
  await up();
  other.close();
  assertEquals(await end, { kind: "lost", reason: `${path} was killed by SIGKILL` });

  const missing = makeShim({ kind: "cc-shim", path: "/nowhere" }, { ...WHO, ...streams });
  assertEquals((await missing.run()).kind, "lost");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("in the background cc-shim's output and exit code are kept", async () => {
  const { path, directory } = await script("echo out; echo err >&2; exit 3");
  const [log, exit] = [`${directory}/log`, `${directory}/exit.json`];
  const result = await serveForeignDetached({ ...WHO, program: path, log, exit });
  assertEquals(result, { kind: "exited", code: 3 });
  const entries = await Array.fromAsync(readLog(log));
  const text = entries.map((each) => new TextDecoder().decode(each.text));
  assertEquals(text.toSorted(), ["err\n", "out\n"]);
  assertEquals(JSON.parse(await Deno.readTextFile(exit)).code, 3);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("without a shim a process counts as ended at once", async () => {
  const streams = { interactive: false, terminal: false };
  const shim = makeShim({ kind: "noop" }, { ...WHO, ...streams });
  assertEquals(await shim.run(), { kind: "exited", code: 0 });
  await shim.signal(15);
  shim.close();
});
