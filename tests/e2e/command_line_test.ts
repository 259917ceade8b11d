/** What engines are told of calls that fail, compared with what runc tells them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Place, tryRun } from "./place.ts";

/** Calls, and what in the words of both tells engines what is wrong, where they look at those. */
const CALLS: readonly (readonly [line: string, words?: RegExp])[] = [
  ["state nobody", /does not exist/],
  ["start nobody", /does not exist/],
  ["kill nobody 9", /does not exist/],
  ["delete nobody", /does not exist/],
  ["delete --force nobody"],
  ["delete -force=false nobody", /does not exist/],
  ["pause nobody", /does not exist/],
  ["resume nobody", /does not exist/],
  ["ps nobody", /does not exist/],
  ["events --stats nobody", /does not exist/],
  ["update --memory 64M nobody", /does not exist/],
  ["exec nobody true", /exec failed: .*does not exist/],
  ["exec --process /nonexistent nobody", /exec failed/],
  ["exec nobody", /exec failed/],
  ["exec"],
  ["create --bundle /nonexistent one"],
  ["create --bogus one", /bogus/],
  ["create"],
  ["state one two"],
  ["list --format xml"],
  ["list -format=json"],
  ["run -bundle /nonexistent one"],
  ["spec --bundle /nonexistent"],
];

Deno.test("calls that fail end as runc's do, with the same code and a line in the log", async () => {
  await using place = await Place.make();
  for (const [line, words] of CALLS) {
    const [theirs, ours] = await Promise.all([
      call(place, "runc", line),
      call(place, place.runtime, line),
    ]);
    assertEquals(ours.code, theirs.code, `${line}: ${ours.stderr}`);
    assertEquals(ours.stderr === "", theirs.stderr === "", line);
    for (const { log } of [theirs, ours]) {
      assertEquals(log === undefined, theirs.code === 0, line);
      if (log === undefined) continue;
      assertEquals(log.level, "error", line);
      assert(!Number.isNaN(Date.parse(log.time)), line);
      if (words) assertMatch(log.msg, words, line);
    }
  }
  assertEquals(await place.leftovers(), []);
});

interface Called {
  code: number;
  stderr: string;
  /** The last line of the log. */
  log: { level: string; msg: string; time: string } | undefined;
}

async function call(place: Place, runtime: string, line: string): Promise<Called> {
  const name = runtime.split("/").at(-1)!;
  const file = place.file(`log-${name}`);
  await Deno.writeTextFile(file, "");
  const globals = ["--root", place.file(`root-${name}`), "--log", file, "--log-format", "json"];
  const { code, stderr } = await tryRun([runtime, ...globals, ...line.split(" ")]);
  const last = (await Deno.readTextFile(file)).trimEnd().split("\n").at(-1)!;
  return { code, stderr, log: last === "" ? undefined : JSON.parse(last) };
}
