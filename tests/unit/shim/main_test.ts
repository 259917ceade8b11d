import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { readShimArguments } from "../../../lib/shim/options.ts";
import { readLog, startShim } from "../../../lib/shim/mod.ts";
import { collectChild, selfCommand } from "../../../lib/sys/mod.ts";
import { Scene, until } from "./scene.ts";

const NEEDED = ["-c", "box", "-t", "abcd", "-u", "unix:///p"];

Deno.test("cc-shim's options are taken in every spelling", () => {
  const expected = {
    container: "box",
    token: "abcd",
    url: "unix:///p",
    reconnectTimeout: 10_000,
    debug: false,
    terminal: false,
  };
  assertEquals(readShimArguments(NEEDED), expected);
  const long = ["--container-id", "box", "-token=abcd", "--uri=unix:///p", "-r", "0"];
  assertEquals(readShimArguments(long), expected);
  assertEquals(readShimArguments([...NEEDED, "-d", "-r=3", "--terminal", "--log", "/l"]), {
    ...expected,
    debug: true,
    terminal: true,
    reconnectTimeout: 3000,
    log: "/l",
  });
  assertEquals(readShimArguments(["-h"]), "help");
  assertEquals(readShimArguments([...NEEDED, "--version"]), "version");
});

Deno.test("wrong arguments of the shim are named", () => {
  const cases: [string[], string][] = [
    [[], "--container-id is missing"],
    [["-c", "x", "-t", "y"], "--uri is missing"],
    [[...NEEDED, "-r"], "--reconnect-timeout: its value is missing"],
    [[...NEEDED, "-r", "soon"], '"soon" as --reconnect-timeout'],
    [[...NEEDED, "--bogus"], '"--bogus": it is unknown'],
    [[...NEEDED, "more"], '"more": it is unknown'],
    [[...NEEDED, "--exit", "/e"], "--exit and --attach need --log"],
  ];
  for (const [args, message] of cases) assertThrows(() => readShimArguments(args), Error, message);
});

/** The shim as a program, its streams pipes. */
function program(args: string[]): Deno.ChildProcess {
  const [command, ...rest] = selfCommand(["shim", ...args]);
  const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  return new Deno.Command(command!, { args: rest, ...streams }).spawn();
}

Deno.test("the program carries its own streams, forwards signals and ends with the exit code", async () => {
  await using scene = await Scene.set();
  const { stage, runtime } = scene;
  const { guest } = stage;
  const token = await stage.token(runtime);
  const child = program(["-c", "c", "-t", token, "-u", stage.url]);
  const sequence = await scene.startProcess(token);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("hello"));
  await guest.until(() => guest.stdin.get(sequence) === "hello");
  child.kill("SIGUSR1");
  await guest.until(() => guest.commands.some(({ text }) => /"signal":10\b/.test(text)));
  child.kill("SIGTERM");
  await guest.until(() => guest.commands.some(({ text }) => /"signal":15\b/.test(text)));
  await writer.close();
  await guest.until(() => guest.stdin.get(sequence) === "hello<EOF>");
  await guest.output(sequence, "out");
  await guest.output(sequence + 1, "err");
  await guest.exit(sequence, 77);
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals([code, text(stdout), text(stderr)], [77, "out", "err"]);
});

Deno.test("the program tells an unknown token and wrong arguments in a line and ends with 1", async () => {
  await using scene = await Scene.set();
  const unknown = await program(["-c", "c", "-t", "abcd", "-u", scene.stage.url]).output();
  assertEquals(unknown.code, 1);
  assertMatch(new TextDecoder().decode(unknown.stderr), /^podvisor shim: .*unknown token: abcd\n$/);
  const wrong = await program(["-t", "abcd"]).output();
  assertEquals(wrong.code, 1);
  assertMatch(new TextDecoder().decode(wrong.stderr), /^podvisor shim: .*--container-id[^\n]*\n$/);
});

Deno.test("a started shim is a session of its own without our descriptors, and leaves log and exit status", async () => {
  await using scene = await Scene.set();
  const { stage, runtime } = scene;
  const token = await stage.token(runtime);
  const [log, exit, attach] = ["log", "exit.json", "attach.sock"]
    .map((name) => `${stage.directory}/${name}`) as [string, string, string];
  const url = stage.url;
  const pid = startShim({ container: "c", url, token, terminal: true, log, exit, attach });
  const sequence = await scene.startProcess(token);
  const [, rest] = (await Deno.readTextFile(`/proc/${pid}/stat`)).split(") ");
  assertEquals(rest!.split(" ")[3], String(pid));
  for (const number of [0, 1, 2]) {
    assertEquals(await Deno.readLink(`/proc/${pid}/fd/${number}`), "/dev/null");
  }
  await stage.guest.output(sequence, "kept\n");
  await stage.guest.exit(sequence, 8);
  await until(() => collectChild(pid) !== undefined);
  assertEquals(JSON.parse(await Deno.readTextFile(exit)).code, 8);
  const entries = await Array.fromAsync(readLog(log));
  assertEquals(entries.map(({ text }) => new TextDecoder().decode(text)), ["kept\n"]);
  assert(![...Deno.readDirSync(stage.directory)].some(({ name }) => name === "attach.sock"));
});
