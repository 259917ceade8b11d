import { assert, assertEquals, assertThrows } from "@std/assert";
import { readShimArguments } from "../../../lib/shim/options.ts";
import { readLog, startShim } from "../../../lib/shim/mod.ts";
import { collectChild, signalProcess } from "../../../lib/sys/mod.ts";
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
    interactive: false,
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
  const handed = ["-c", "box", "--token-fd", "3", "-u", "unix:///p"];
  assertEquals(readShimArguments(handed), { ...expected, token: { descriptor: 3 } });
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
    [[...NEEDED, "--attach", "/a"], "--attach needs --log"],
    [[...NEEDED, "--show-processes"], "--show-processes needs --pod"],
  ];
  for (const [args, message] of cases) assertThrows(() => readShimArguments(args), Error, message);
});

// The library of system calls stays open: it is loaded before a test could be blamed for it.
signalProcess(Deno.pid, 0);

Deno.test("a started shim is a session of its own without our descriptors and with its token out of sight, and leaves log and exit status", async () => {
  await using scene = await Scene.set();
  const { stage, runtime } = scene;
  const token = await stage.token(runtime);
  const [log, exit, attach] = ["log", "exit.json", "attach.sock"]
    .map((name) => `${stage.directory}/${name}`) as [string, string, string];
  const url = stage.url;
  const pid = startShim({
    container: "c",
    url,
    token,
    terminal: true,
    interactive: true,
    log,
    pod: "p",
    exit,
    attach,
    diagnostics: `${log}.own`,
  });
  const sequence = await scene.startProcess(token);
  const [, rest] = (await Deno.readTextFile(`/proc/${pid}/stat`)).split(") ");
  assertEquals(rest!.split(" ")[3], String(pid));
  const [stdin, stdout, stderr] = await Promise.all(
    [0, 1, 2].map((number) => Deno.readLink(`/proc/${pid}/fd/${number}`)),
  );
  assertEquals([stdin, stdout, stderr], ["/dev/null", "/dev/null", `${log}.own`]);
  const seen = ["cmdline", "environ"].map((name) => Deno.readTextFileSync(`/proc/${pid}/${name}`));
  assert(!seen.join().includes(token), "its token can be seen");
  await stage.guest.output(sequence, "kept\n");
  await stage.guest.exit(sequence, 8);
  await until(() => collectChild(pid) !== undefined);
  assertEquals(JSON.parse(await Deno.readTextFile(exit)).code, 8);
  const entries = await Array.fromAsync(readLog(log));
  assertEquals(entries.map(({ text }) => new TextDecoder().decode(text)), ["kept\n"]);
  assert(![...Deno.readDirSync(stage.directory)].some(({ name }) => name === "attach.sock"));
});
