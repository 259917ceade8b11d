/** A database server in a VM: a program that wants threads, fork, fsync, sockets and signals to be a whole system's. */
import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "@std/path";
import { eventually } from "../harness/podvisor.ts";
import { run } from "./place.ts";
import { IMAGE, NETWORK, Podman } from "./podman.ts";

const DATABASE = "localhost/redis";
const PORT = "6399";
/** Debian's server is the program that also checks its files: the name that it is called by decides. */
const PROGRAMS = {
  "/usr/bin/redis-check-rdb": "/usr/bin/redis-server",
  "/usr/bin/redis-cli": "/usr/bin/redis-cli",
};
const FILL = "for i = 1, 5000 do redis.call('set', 'key:' .. i, 'value ' .. i) end";

Deno.test("a database server keeps its data in a volume, over a stop and a start", async () => {
  await using podman = await Podman.make();
  await buildImage(podman);
  const query = (...args: string[]) => podman.must("exec", "database", "redis-cli", ...args);
  const answers = async () => await query("ping") === "PONG" || undefined;
  const fromHost = (...args: string[]) =>
    run(podman.place.inside(["redis-cli", "-p", PORT, ...args]));

  await podman.start(
    "database",
    ...["--network", NETWORK, "--publish", `${PORT}:6379`, "--volume", "data:/data"],
    ...["--memory", "128m", DATABASE],
  );
  await eventually("the server", () => answers().catch(() => undefined));
  await query("eval", FILL, "0");
  // A copy of the server writes its memory down.
  await query("bgsave");
  await eventually("the data saved", async () => {
    const told = await query("info", "persistence");
    return /rdb_bgsave_in_progress:0/.test(told) ? told : undefined;
  });
  assertMatch(await query("info", "persistence"), /rdb_last_bgsave_status:ok/);
  assertEquals(await fromHost("set", "last", "written from the host"), "OK\n");

  await podman.must("stop", "database");
  const ended = "{{.State.ExitCode}} {{.State.OOMKilled}}";
  assertEquals(await podman.must("inspect", "database", "--format", ended), "0 false");
  assertMatch(await podman.must("logs", "database"), /Received SIGTERM.*DB saved on disk/s);

  await podman.must("start", "database");
  await eventually("the server", () => answers().catch(() => undefined));
  assertEquals(await query("dbsize"), "5001");
  assertEquals(await fromHost("get", "key:4711"), "value 4711\n");
  assertEquals(await query("get", "last"), "written from the host");
  await podman.must("rm", "--force", "--time", "0", "database");
  assertEquals(await podman.place.leftovers(), []);
});

/** An image of the server, with what it needs of this machine's libraries. */
async function buildImage(podman: Podman): Promise<void> {
  const tree = podman.place.file("database");
  const copy = async (from: string, to: string) => {
    await Deno.mkdir(dirname(`${tree}${to}`), { recursive: true });
    await Deno.copyFile(from, `${tree}${to}`);
  };
  for (const [from, to] of Object.entries(PROGRAMS)) {
    await copy(from, to);
    for (const library of await librariesOf(from)) await copy(library, library);
  }
  const recipe = podman.place.file("recipe");
  await Deno.writeTextFile(
    recipe,
    `FROM ${IMAGE}\nCOPY . /\nVOLUME /data\nWORKDIR /data\nENV PATH=/bin:/usr/bin\n` +
      `CMD ["redis-server", "--protected-mode", "no"]\n`,
  );
  await podman.must("build", "--file", recipe, "--tag", DATABASE, tree);
}

/** The shared libraries and the dynamic linker of a program (ldd(1)). */
async function librariesOf(program: string): Promise<string[]> {
  const lines = (await run(["ldd", program])).matchAll(/(\/\S+) \(0x/g);
  return [...lines].map(([, path]) => path!);
}
