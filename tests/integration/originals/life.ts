import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Bench, eventually, type RunOptions } from "../../harness/podvisor.ts";

/** What a pod is made of, and what can be expected of it. */
export interface Made {
  /** podvisor's options. */
  options: readonly string[];
  /** Which guest. */
  guest: "builtin" | "cc-agent" | "hyperstart";
}

const OUTPUT = 500_000, INPUT = 100_000;

/** A command in a pod of its own, by podvisor: streams, exit codes, failures. */
export async function checkRun({ options, guest }: Made): Promise<void> {
  await using bench = await Bench.make();
  const run = (command: string[], stdin?: RunOptions["stdin"]) => {
    const args = ["run", ...stdin === undefined ? [] : ["-i"], ...options, "busybox", ...command];
    return bench.podvisor(args, stdin === undefined ? {} : { stdin });
  };
  const sh = (script: string, stdin?: RunOptions["stdin"]) => run(["sh", "-c", script], stdin);

  const typed = Array.from({ length: INPUT }, (_, at) => String.fromCharCode(33 + at % 90)).join(
    "",
  );
  const echoed = await sh("cat; echo err >&2; exit 3", typed);
  assertEquals(echoed.code, 3, echoed.stderr);
  // Not compared by an assertion, which would print all of it.
  assert(echoed.stdout === typed, `${echoed.stdout.length} of ${INPUT} bytes came back`);
  const { stdout } = await sh(`dd if=/dev/zero bs=1000 count=${OUTPUT / 1000} 2>/dev/null`);
  assertEquals(stdout.length, OUTPUT);
  const missing = await run(["/no/such/program"]);
  assertEquals(missing.code, 127, missing.stderr);
  // C hyperstart reports 0 for every death by a signal: nobody could tell.
  const killed = await sh("kill -9 $$; exit 5");
  assertEquals(killed.code, guest === "hyperstart" ? 0 : 5, killed.stderr);
  await bench.assertNothingLeft();
}

/** A pod with two containers, by podvisor: from its making to its end. */
export async function checkPod({ options, guest }: Made): Promise<void> {
  await using bench = await Bench.make();
  const must = async (...args: string[]) => {
    const finished = await bench.podvisor(args);
    assertEquals(finished.code, 0, `${args.join(" ")}: ${finished.stderr}`);
    return finished.stdout;
  };
  await must("pod", "run", "web", ...options);
  for (const name of ["a", "b"]) {
    const script = `echo I am ${name}; echo err >&2; trap 'exit 5' TERM; sleep 600 & wait`;
    const made = ["-d", "--pod", "web", "--name", name, "-e", `ME=${name}`];
    await must("container", "run", ...made, "busybox", "sh", "-c", script);
  }
  const exec = await bench.podvisor(
    ["container", "exec", "-i", "b", "sh", "-c", "cat; id -u; exit 4"],
    { stdin: "typed\n" },
  );
  assertEquals(stdoutOf(exec), { code: 4, stdout: "typed\n0\n" });
  assertEquals((await bench.podvisor(["container", "exec", "a", "/no/such/program"])).code, 127);
  await eventually(
    "the first line of a",
    async () => (await must("container", "logs", "a")).includes("I am a\n") || undefined,
  );
  if (guest !== "hyperstart") assertMatch(await must("container", "ps", "a"), /sleep 600/);

  await must("container", "kill", "a", "TERM");
  assertEquals(await must("container", "wait", "a"), "5\n");
  await must("container", "rm", "a");
  assertStringIncludes(await must("container", "exec", "b", "echo", "here"), "here\n");
  await must("container", "stop", "b");
  await must("container", "rm", "b");
  await must("pod", "rm", "--force", "web");
  await bench.assertNothingLeft();
}

/** All but stderr, on which external programs write what they like. */
function stdoutOf({ code, stdout }: { code: number; stdout: string }) {
  return { code, stdout };
}
