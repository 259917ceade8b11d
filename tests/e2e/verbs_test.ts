/** The verbs that engines call, called one by one on a bundle. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../harness/podvisor.ts";
import { Place, run, tryRun } from "./place.ts";

/** A hook writes its name and the state that it is told; what is in the VM writes to the container's root. */
const HOST_HOOKS = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];
/** Bytes of memory that the program takes, so that there is something to count. */
const TAKEN = 8 << 20;
const PROGRAM = `dd if=/dev/zero of=/dev/shm/taken bs=${TAKEN} count=1 && echo up > /up; sleep 600`;

/** One hook's line. */
interface Told {
  hook: string;
  state: { ociVersion: string; id: string; status: string; pid?: number; bundle: string };
}

Deno.test("the verbs of engines, on a bundle", async (test) => {
  await using place = await Place.make();
  const bundle = await makeBundle(place);
  const verb = (...args: string[]) => run([place.runtime, ...args]);
  const exec = (...args: string[]) => verb("exec", "one", ...args);
  const told = () => readHooks(place.file("hooks"));

  await test.step("hooks run in their order, and are told the container's state", async () => {
    // Its streams are the container's: they stay open.
    const create = `exec "$0" create --bundle "$1" --pid-file "$2" one > "$2.log" 2>&1`;
    const options = [place.runtime, bundle, place.file("pid")];
    const { code } = await tryRun(["sh", "-c", create, ...options]);
    assertEquals(code, 0, await Deno.readTextFile(place.file("pid.log")));
    const pid = Number(await Deno.readTextFile(place.file("pid")));
    const { status } = JSON.parse(await verb("state", "one"));
    assertEquals(status, "created");
    const first = ["prestart", "createRuntime", "createContainer"];
    assertEquals((await told()).map(({ hook }) => hook), first);
    await verb("start", "one");
    await eventually("its program", () => isThere(`${bundle}/rootfs/up`));
    const inGuest = await readHooks(`${bundle}/rootfs/hooks`);
    assertEquals(inGuest.map(({ hook, state }) => [hook, state.status]), [
      ["startContainer", "created"],
    ]);
    assertEquals((await told()).map(({ hook, state }) => [hook, state.status, state.pid]), [
      ...first.map((hook) => [hook, "creating", pid]),
      ["poststart", "running", pid],
    ]);
    for (const { state } of [...await told(), ...inGuest]) {
      assertEquals([state.id, state.bundle], ["one", bundle]);
    }
  });

  await test.step("what a container without limits uses is counted", async () => {
    const { data } = JSON.parse(await verb("events", "--stats", "one"));
    assert(data.memory.usage.usage > TAKEN, `${data.memory.usage.usage} bytes`);
    assert(data.memory.raw.shmem >= TAKEN);
    assert(data.cpu.usage.total > 0);
    assertEquals(data.pids.current, 1);
    assertEquals([data.memory.usage.limit, data.pids.limit], [0, 0]);
  });

  await test.step("new limits reach the control group, and those of before hold on", async () => {
    const update = (resources: unknown) =>
      run([place.runtime, "update", "--resources", "-", "one"], {
        stdin: JSON.stringify(resources),
      });
    const files = "memory.max memory.high memory.low cpu.max cpuset.cpus pids.max";
    const limits = async () =>
      (await exec("sh", "-c", `cd /sys/fs/cgroup; cat ${files}`)).trim().split("\n");
    await update({
      memory: { limit: 64 << 20, reservation: 16 << 20 },
      cpu: { quota: 50000, cpus: "0" },
      unified: { "memory.high": String(48 << 20) },
    });
    const set = [String(64 << 20), String(48 << 20), String(16 << 20), "50000 100000", "0"];
    assertEquals(await limits(), [...set, "max"]);
    await update({ memory: { limit: 0, reservation: 0 }, pids: { limit: 20 } });
    assertEquals(await limits(), [...set, "20"]);
    const refused = await tryRun([place.runtime, "update", "--resources", "-", "one"], {
      stdin: JSON.stringify({ cpu: { cpus: "900" } }),
    });
    assert(refused.code !== 0);
    assertMatch(refused.stderr, /cpuset/);
  });

  await test.step("a kill for lack of memory is an event, while its program goes on", async () => {
    // Above memory.high it would be slowed down for a minute first.
    await run([place.runtime, "update", "--resources", "-", "one"], {
      stdin: JSON.stringify({ unified: { "memory.high": "max" } }),
    });
    const events = new Deno.Command(place.runtime, {
      args: ["events", "--interval=1s", "one"],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const types: string[] = [];
    const lines = events.stdout.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({
        write: (text) =>
          void types.push(...text.trim().split("\n").map((each) => JSON.parse(each).type)),
      }),
    );
    await eventually("figures", () => types.length > 0 || undefined);
    const taken = await tryRun([
      place.runtime,
      ...["exec", "one", "dd", "if=/dev/zero", "of=/dev/null", "bs=100M", "count=1"],
    ]);
    assertEquals(taken.code, 137);
    await eventually("the event", () => types.includes("oom") || undefined);
    assertEquals([types[0], types.filter((each) => each === "oom").length], ["stats", 1]);
    events.kill("SIGTERM");
    await events.status;
    await lines;
  });

  await test.step("it is listed, with its processes, as engines and people read them", async () => {
    const { pid, status } = JSON.parse(await verb("state", "one"));
    const [listed, ...others] = JSON.parse(await verb("list", "--format", "json"));
    assertEquals([listed.id, listed.pid, listed.status, others], ["one", pid, status, []]);
    assertEquals(await verb("list", "--quiet"), "one\n");
    assertMatch(await verb("list"), /^ID +PID +STATUS +BUNDLE +CREATED +OWNER\none +\d+ +running /);
    assertEquals(JSON.parse(await verb("ps", "--format", "json", "one")), [pid]);
    assertMatch(await verb("ps", "one", "-o", "pid,args"), /\d+ +sleep 600$/m);
    assertEquals(await verb("--root", place.file("elsewhere"), "list", "-q"), "");
  });

  await test.step("what its state forbids is refused", async () => {
    const refused = async (words: RegExp, ...args: string[]) => {
      const { code, stderr } = await tryRun([place.runtime, ...args]);
      assertEquals(code, 1, args.join(" "));
      assertMatch(stderr, words);
    };
    await refused(/container with id exists: one/, "create", "--bundle", bundle, "one");
    await refused(/cannot start a container that has running/, "start", "one");
    await refused(/not stopped: running/, "delete", "one");
    await refused(/container not paused/, "resume", "one");
    await verb("pause", "one");
    assertEquals(JSON.parse(await verb("state", "one")).status, "paused");
    await refused(/container not running: paused/, "pause", "one");
    await verb("resume", "one");
    assertEquals(JSON.parse(await verb("state", "one")).status, "running");
  });

  await test.step("the last hooks run when it has been deleted", async () => {
    await verb("kill", "one", "KILL");
    await eventually(
      "its end",
      async () => JSON.parse(await verb("state", "one")).status === "stopped",
    );
    assertEquals((await told()).at(-1)!.hook, "poststart");
    await verb("delete", "one");
    const last = (await told()).at(-1)!;
    assertEquals([last.hook, last.state.status, last.state.pid], [
      "poststop",
      "stopped",
      undefined,
    ]);
    assertEquals(await place.leftovers(), []);
  });

  await test.step("a hook that fails ends the container, and the last hooks run", async () => {
    await Deno.remove(place.file("hooks"));
    await Deno.writeTextFile(place.file("createRuntime"), "#!/bin/sh\necho not today; exit 3\n");
    const { code, stderr } = await tryRun([place.runtime, "create", "--bundle", bundle, "one"]);
    assert(code !== 0);
    assertMatch(stderr, /createRuntime hook \S+ ended with status 3: not today/);
    assertEquals((await told()).map(({ hook }) => hook), ["prestart", "poststop"]);
    assertEquals(await place.leftovers(), []);
  });
});

Deno.test("run is an engine's verb too when it is given a bundle", async () => {
  await using place = await Place.make();
  const bundle = place.file("bundle");
  await Deno.mkdir(bundle);
  await Deno.rename(await place.root(), `${bundle}/rootfs`);
  await run([place.runtime, "spec"], { cwd: bundle });
  const path = `${bundle}/config.json`;
  const config = JSON.parse(await Deno.readTextFile(path));
  const script = "cat; kill -USR1 1; exit 3";
  config.process = { ...config.process, terminal: false, args: ["sh", "-c", script] };
  await Deno.writeTextFile(path, JSON.stringify(config));
  const call = (...args: string[]) =>
    tryRun([place.runtime, "run", "--bundle", bundle, ...args], { stdin: "input\n" });
  const once = await call("once");
  assertEquals([once.code, once.stdout, once.stderr], [3, "input\n", ""]);
  assertEquals(await place.leftovers(), []);
  assertEquals((await call("--keep", "kept")).code, 3);
  assertEquals(JSON.parse(await run([place.runtime, "state", "kept"])).status, "stopped");
  await run([place.runtime, "delete", "kept"]);
  assertEquals(await place.leftovers(), []);
  const { ociVersionMax } = JSON.parse(await run([place.runtime, "features"]));
  assertMatch(await run([place.runtime, "--version"]), new RegExp(`^spec: ${ociVersionMax}$`, "m"));
});

/** A bundle with a hook of each kind. */
async function makeBundle(place: Place): Promise<string> {
  const bundle = place.file("bundle");
  await Deno.mkdir(bundle);
  await Deno.rename(await place.root(), `${bundle}/rootfs`);
  await run([place.runtime, "spec", "--bundle", bundle]);
  const path = `${bundle}/config.json`;
  const config = JSON.parse(await Deno.readTextFile(path));
  config.process = { ...config.process, terminal: false, args: ["sh", "-c", PROGRAM] };
  config.root.readonly = false;
  config.hooks = Object.fromEntries(HOST_HOOKS.map((hook) => [hook, [{ path: place.file(hook) }]]));
  for (const hook of HOST_HOOKS) await writeHook(place.file(hook), hook, place.file("hooks"));
  await writeHook(`${bundle}/rootfs/hook`, "startContainer", "/hooks");
  config.hooks.startContainer = [{ path: "/hook" }];
  await Deno.writeTextFile(path, JSON.stringify(config));
  return bundle;
}

async function writeHook(path: string, hook: string, log: string): Promise<void> {
  const script = `#!/bin/sh\nprintf '{"hook": "${hook}", "state": %s}\\n' "$(cat)" >> ${log}\n`;
  await Deno.writeTextFile(path, script, { mode: 0o755 });
}

async function readHooks(path: string): Promise<Told[]> {
  const lines = (await Deno.readTextFile(path)).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line));
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.lstat(path).then(() => true, () => false);
}
