import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { Bench, eventually } from "../harness/podvisor.ts";

/** Runs podvisor and expects it to succeed. */
async function must(bench: Bench, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await bench.podvisor(args);
  assertEquals([code, stderr], [0, ""], args.join(" "));
  return stdout;
}

/** Runs podvisor and expects it to refuse, with a line that says so. */
async function refused(bench: Bench, expected: RegExp, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await bench.podvisor(args);
  assertEquals([code, stdout], [125, ""], args.join(" "));
  assertMatch(stderr.split("\n")[0]!, expected);
}

Deno.test("several containers live in one pod, each by itself, from its making to its end", async (t) => {
  await using bench = await Bench.make();
  const pv = (...args: string[]) => must(bench, ...args);

  await t.step("a new pod is ready, and running once it is started", async () => {
    await pv("pod", "create", "web", "--memory", "300M");
    assertMatch(await pv("pod", "list"), /^web +ready +0 +300M/m);
    assertEquals(JSON.parse(await pv("pod", "start", "--json", "web")).state, "running");
    await refused(bench, /from running to running/, "pod", "start", "web");
    await refused(bench, /there is one of that name/, "pod", "create", "web");
  });

  await t.step("containers share the VM's kernel and network, and nothing else", async () => {
    for (const name of ["a", "b", "c"]) {
      const printed = await pv(
        ...["container", "run", "-d", "--pod", "web", "--name", name, "-e", `ME=${name}`],
        ...["busybox", "sh", "-c", 'echo "I am $ME"; echo err >&2; touch /$ME; sleep 600'],
      );
      assertEquals(printed, `${name}\n`);
    }
    const containers = JSON.parse(await pv("container", "list", "--json"));
    assertEquals(
      containers.map((each: { id: string; state: string }) => [each.id, each.state]),
      [["a", "running"], ["b", "running"], ["c", "running"]],
    );
    for (const name of ["a", "b", "c"]) {
      const seen = await pv(
        "container",
        "exec",
        name,
        "sh",
        "-c",
        "hostname; ls -d /a /b /c 2>/dev/null; true",
      );
      assertEquals(seen, `web\n/${name}\n`);
    }
  });

  await t.step(
    "exec passes streams and exit codes, and starts from the container's own",
    async () => {
      const finished = await bench.podvisor(
        [
          "container",
          "exec",
          "-i",
          "-w",
          "/tmp",
          "a",
          "sh",
          "-c",
          "cat; pwd; echo $ME >&2; exit 4",
        ],
        { stdin: "typed\n" },
      );
      assertEquals(finished, { code: 4, stdout: "typed\n/tmp\n", stderr: "a\n" });
      assertEquals((await bench.podvisor(["container", "exec", "a", "nothing"])).code, 127);
      assertEquals((await bench.podvisor(["container", "exec", "a", "/etc/passwd"])).code, 126);
    },
  );

  await t.step("logs keep what was printed, apart and in order", async () => {
    const { code, stdout, stderr } = await bench.podvisor(["container", "logs", "b"]);
    assertEquals({ code, stdout, stderr }, { code: 0, stdout: "I am b\n", stderr: "err\n" });
    assertMatch(await pv("container", "ps", "b", "-o", "pid,args"), /sleep 600/);
    assert(JSON.parse(await pv("container", "ps", "--json", "b")).length >= 1);
  });

  await t.step("a pause stands still, a resume goes on", async () => {
    await pv("pod", "pause", "web");
    assertMatch(await pv("container", "list"), /^a +web +paused/m);
    await refused(bench, /it is paused/, "container", "exec", "a", "true");
    await refused(bench, /from paused to paused/, "pod", "pause", "web");
    await pv("pod", "resume", "web");
    assertEquals(await pv("container", "exec", "a", "echo", "on"), "on\n");
  });

  await t.step("kill, wait and stop end one container each, and leave the others", async () => {
    await pv("container", "kill", "a", "KILL");
    assertEquals(await pv("container", "wait", "a"), "137\n");
    await refused(bench, /it is stopped/, "container", "kill", "a");
    await pv("container", "stop", "--time", "0", "b");
    assertEquals(JSON.parse(await pv("container", "inspect", "b")).exit.code, 137);
    assertEquals(await pv("container", "exec", "c", "echo", "here"), "here\n");
  });

  await t.step("a stopped container starts anew", async () => {
    await pv("container", "start", "b");
    assertEquals(await pv("container", "exec", "b", "echo", "again"), "again\n");
    await refused(bench, /from running to running/, "container", "start", "b");
  });

  await t.step("containers are removed in any order", async () => {
    await refused(bench, /it is running/, "container", "rm", "c");
    await pv("container", "rm", "--force", "c");
    await pv("container", "rm", "a");
    await pv("container", "rm", "--force", "b");
    assertEquals(await pv("container", "list", "--json"), "[]\n");
    await refused(bench, /Cannot find the container a/, "container", "inspect", "a");
  });

  await t.step("a running pod is not removed but by force", async () => {
    await refused(bench, /it is running/, "pod", "rm", "web");
    await pv("pod", "rm", "--force", "web");
    await bench.assertNothingLeft();
  });
});

Deno.test("a container in the foreground has this command's streams, and may be removed at its end", async () => {
  await using bench = await Bench.make();
  await must(bench, "pod", "run", "fg");
  const finished = await bench.podvisor(
    ["container", "run", "--rm", "-i", "--pod", "fg", "busybox", "sh", "-c", "cat; exit 9"],
    { stdin: "through\n" },
  );
  assertEquals(finished, { code: 9, stdout: "through\n", stderr: "" });
  assertEquals(await must(bench, "container", "list", "--json"), "[]\n");
  await must(bench, "pod", "stop", "fg");
  await refused(bench, /fg is stopped/, "container", "run", "--pod", "fg", "busybox", "true");
  await must(bench, "pod", "rm", "fg");
  await bench.assertNothingLeft();
});

Deno.test("a container that is only ready has its shim signalled, and never starts", async () => {
  await using bench = await Bench.make();
  await must(bench, "pod", "create", "web");
  await must(bench, "container", "create", "--pod", "web", "--name", "a", "busybox", "true");
  assertEquals(JSON.parse(await must(bench, "container", "inspect", "a")).state, "ready");
  await must(bench, "container", "kill", "a", "KILL");
  await eventually(
    "the shim is gone",
    async () =>
      JSON.parse(await must(bench, "container", "inspect", "a")).state === "stopped" || undefined,
  );
  await must(bench, "container", "rm", "a");
  await must(bench, "pod", "rm", "web");
  await bench.assertNothingLeft();
});

Deno.test("a pod that was stopped starts again with its containers", async () => {
  await using bench = await Bench.make();
  await must(bench, "pod", "run", "web");
  const command = ["busybox", "sh", "-c", "echo up; sleep 600"];
  await must(bench, "container", "run", "-d", "--pod", "web", "--name", "a", ...command);
  await must(bench, "pod", "stop", "web");
  const stopped = JSON.parse(await must(bench, "pod", "inspect", "web"));
  assertEquals([stopped.state, stopped.containers[0].state], ["stopped", "stopped"]);
  await must(bench, "pod", "start", "web");
  assertEquals(await must(bench, "container", "exec", "a", "echo", "there"), "there\n");
  await must(bench, "pod", "rm", "--force", "web");
  await bench.assertNothingLeft();
});

for (const part of ["qemu-system", "proxy", "virtiofsd"]) {
  Deno.test(`after kill -9 of ${part} the next command tells the truth, and rm --force cleans up`, async () => {
    await using bench = await Bench.make();
    const share = part === "virtiofsd" ? "virtiofs" : "9p";
    await must(bench, "pod", "run", "--share", share, "web");
    const command = ["busybox", "sleep", "600"];
    await must(bench, "container", "run", "-d", "--pod", "web", "--name", "a", ...command);
    for (const each of await bench.leftovers()) {
      const [, pid, line = ""] = /^process (\d+): (.*)/.exec(each) ?? [];
      const [program = "", ...words] = line.split(" ");
      if (pid && (program.includes(part) || words.includes(part))) kill(Number(pid));
    }
    const inspected = await eventually("the loss is told", async () => {
      const pod = JSON.parse(await must(bench, "pod", "inspect", "web"));
      const container = pod.containers[0];
      return container.state === "stopped" ? { pod, container } : undefined;
    });
    assert(inspected.container.reason);
    assertEquals([inspected.pod.state, inspected.container.exit], ["stopped", null]);
    assertStringIncludes(await must(bench, "gc"), "pod web has stopped");
    assertEquals(await bench.leftovers(), ["pod web"]);
    await must(bench, "pod", "rm", "--force", "web");
    await bench.assertNothingLeft();
  });
}

/** A daemon's second process may have ended with its first. */
function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

Deno.test("a create that is killed half way is cleaned up by gc", async () => {
  await using bench = await Bench.make();
  const child = bench.start(["pod", "create", "half"]);
  await eventually("the VM starts", async () => {
    const path = join(bench.state, "pods/half/pod.json");
    const record = JSON.parse(await Deno.readTextFile(path).catch(() => "{}"));
    return record.vm ?? undefined;
  });
  child.kill("SIGKILL");
  await child.output();
  assertStringIncludes(await must(bench, "gc"), "removed pod half");
  await bench.assertNothingLeft();
});

Deno.test("two commands on one pod follow each other, and commands on others do not wait", async () => {
  await using bench = await Bench.make();
  await must(bench, "pod", "run", "one");
  const names = ["a", "b", "c", "d"];
  const made = await Promise.all(
    names.map((name) =>
      bench.podvisor([
        "container",
        "run",
        "-d",
        "--pod",
        "one",
        "--name",
        name,
        "busybox",
        "sleep",
        "9",
      ])
    ),
  );
  assertEquals(made.map(({ code, stderr }) => [code, stderr]), names.map(() => [0, ""]));
  const listed = JSON.parse(await must(bench, "container", "list", "--json", "--pod", "one"));
  assertEquals(listed.map(({ id, state }: { id: string; state: string }) => `${id} ${state}`), [
    "a running",
    "b running",
    "c running",
    "d running",
  ]);
  await must(bench, "pod", "rm", "--force", "one");
  await bench.assertNothingLeft();
});

Deno.test("a pod's log tells its parts apart", async () => {
  await using bench = await Bench.make();
  await must(bench, "pod", "run", "told");
  await must(bench, "container", "run", "-d", "--pod", "told", "--name", "a", "busybox", "true");
  await must(bench, "container", "wait", "a");
  const lines = (await must(bench, "logs", "--pod", "told", "--json")).trim().split("\n")
    .map((line) => JSON.parse(line));
  const parts = new Set(lines.map(({ part }) => part));
  assertEquals([...parts].filter((part) => part !== "console").sort(), [
    "command",
    "proxy",
    "shim",
  ]);
  const running = lines.find(({ text }) => text === "container is running");
  assertEquals([running.part, running.fields.pod, running.fields.container], [
    "command",
    "told",
    "a",
  ]);
  await refused(bench, /its name is not given/, "logs");
  await must(bench, "pod", "rm", "--force", "told");
  await bench.assertNothingLeft();
});
