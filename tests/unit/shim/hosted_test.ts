/** Shims that a proxy serves within its own process; what they do for their process is in detached_test.ts. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Command, ProxyClient, ShimCommand } from "../../../lib/proxy/mod.ts";
import { attach, type HandedShim, hostShim, readLog, releaseShim } from "../../../lib/shim/mod.ts";
import { makeLifePipe, openLifePipe, signalProcess } from "../../../lib/sys/mod.ts";
import { configureLogging } from "../../../lib/log.ts";
import { RawClient } from "../proxy/raw_client.ts";
import { Stage } from "../proxy/stage.ts";
import { Scene, Sink, until } from "./scene.ts";

// What goes wrong on purpose is told in the log; the library of system calls stays open.
configureLogging({ level: "error" });
signalProcess(Deno.pid, 0);

/** What a container's shim is asked for, in a directory of the scene's. */
async function request({ stage, runtime }: Scene, container: string, more = {}) {
  const place = `${stage.directory}/${container}`;
  Deno.mkdirSync(place, { recursive: true });
  makeLifePipe(`${place}/life`);
  return {
    url: stage.url,
    token: await stage.token(runtime),
    container,
    pod: "pod",
    interactive: false,
    log: `${place}/log`,
    exit: `${place}/exit.json`,
    attach: `${place}/attach.sock`,
    life: `${place}/life`,
    ...more,
  };
}

/** A container whose process runs, and whose shim is kept unless `keep` is false. */
async function running(scene: Scene, container: string, { keep = true, log = "" } = {}) {
  const asked = await request(scene, container, log === "" ? {} : { log });
  const shim: HandedShim = await hostShim(asked);
  const sequence = await scene.startProcess(asked.token);
  if (keep) await shim.keep();
  return { ...asked, shim, sequence };
}

function isServed({ life }: { life: string }): boolean {
  using pipe = openLifePipe(life);
  return pipe !== undefined;
}

async function logged(file: string): Promise<number> {
  const entries = await Array.fromAsync(readLog(file));
  return entries.reduce((sum, { text }) => sum + text.length, 0);
}

Deno.test("a shim that the proxy serves goes with the command that has not kept it, and stays when it is kept", async () => {
  await using scene = await Scene.set();
  const kept = await running(scene, "kept");
  const dropped = await running(scene, "dropped", { keep: false });
  assert(isServed(kept) && isServed(dropped));
  kept.shim[Symbol.dispose]();
  dropped.shim[Symbol.dispose]();
  await until(() => !isServed(dropped));
  const names = [...Deno.readDirSync(`${scene.stage.directory}/dropped`)].map(({ name }) => name);
  assertEquals(names.sort(), ["life", "log"]);
  assert(isServed(kept));
  await assertRejects(() => kept.shim.keep(), Error);
});

Deno.test("a process whose shim is released is killed as if the shim had been, and its token is free", async () => {
  await using scene = await Scene.set({ reconnectTimeout: 10 });
  const { guest } = scene.stage;
  const process = await running(scene, "c");
  process.shim[Symbol.dispose]();
  await releaseShim(process.url, "pod", "c");
  assert(!isServed(process));
  await guest.until(() => guest.commands.some(({ text }) => JSON.parse(text || "{}").signal === 9));
  const unused = await request(scene, "unused");
  using shim = await hostShim(unused);
  await shim.release();
  using client = await RawClient.connect(scene.stage.path);
  const answer = await client.command(Command.connectShim, { token: unused.token });
  assertEquals(answer!.kind, "response 4");
  // Of one that is not there there is nothing to release.
  await releaseShim(process.url, "pod", "nobody");
});

Deno.test("a container's later shim takes the place of an earlier one, whose command then takes nothing with it", async () => {
  await using scene = await Scene.set();
  const first = await running(scene, "c", { keep: false });
  const second = await running(scene, "c");
  first.shim[Symbol.dispose]();
  await scene.stage.guest.output(second.sequence, "on\n");
  await until(async () => await logged(second.log) === 3);
  assert(isServed(second));
  second.shim[Symbol.dispose]();
});

Deno.test("a shim that cannot be served is refused with the reason, and nothing of it stays", async () => {
  await using scene = await Scene.set();
  const cases: [object, RegExp][] = [
    [{ token: "AAAA" }, /unknown token: AAAA/],
    [{ log: scene.stage.directory }, /Is a directory/],
    [{ attach: "/nowhere/attach.sock" }, /No such file/],
    [{ life: "/nowhere/life" }, /No such file/],
    [{ container: "" }, /key "container" is missing/],
  ];
  for (const [more, reason] of cases) {
    const asked = { ...await request(scene, "c"), ...more };
    const { message } = await assertRejects(() => hostShim(asked), Error);
    assertMatch(message, reason);
    assert(asked.life.startsWith("/nowhere") || !isServed(asked));
  }
  const good = await running(scene, "c");
  good.shim[Symbol.dispose]();
});

Deno.test("a proxy that serves no shims says so", async () => {
  const { stage } = await Stage.registered();
  await using _ = stage;
  using client = await ProxyClient.connect(stage.url);
  await client.attachVM({ containerId: "pod" });
  const serve = () => client.hyper(ShimCommand.serve, ["AAAA"], {});
  await assertRejects(serve, Error, "this proxy serves no shims");
  await client.hyper(ShimCommand.release, [], { container: "c" });
});

Deno.test("who holds one container back, and a disk that is full, hold up neither others nor commands", async () => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const stuck = await running(scene, "stuck");
  const full = await running(scene, "full", { log: "/dev/full" });
  const other = await running(scene, "other");
  const forever = Promise.withResolvers<void>();
  const stdout = new Sink();
  stdout.before = () => forever.promise;
  const attached = Promise.withResolvers<unknown>();
  const held = attach({
    socket: stuck.attach,
    interactive: false,
    terminal: false,
    holdsBack: true,
    stdout,
    onAttached: attached.resolve,
  });
  await attached.promise;
  const piece = "x".repeat(9999) + "\n";
  // As much as a guest that knows of credit may send, and a bit more than who attached takes.
  for (let count = 0; count < 150; count++) await guest.output(stuck.sequence, piece);
  for (let count = 0; count < 300; count++) {
    await guest.output(full.sequence, piece);
    await guest.output(other.sequence, piece);
  }
  await guest.exit(full.sequence, 3);
  await guest.exit(other.sequence, 4);
  await until(() => !isServed(full) && !isServed(other));
  assertEquals(await logged(other.log), 3_000_000);
  for (const [{ exit }, code] of [[full, 3], [other, 4]] as const) {
    assertEquals(JSON.parse(await Deno.readTextFile(exit)).code, code);
  }
  assertEquals((await scene.runtime.hyper("ping"))?.kind, "response 3");
  assert(isServed(stuck));
  // Not even one who holds it back keeps a container from being released.
  await releaseShim(stuck.url, "pod", "stuck");
  assert(!isServed(stuck));
  forever.resolve();
  assertEquals((await held).kind, "lost");
  for (const { shim } of [stuck, full, other]) shim[Symbol.dispose]();
});

Deno.test("when the proxy ends, an exit code that has come is still told, and others learn of the loss", async () => {
  const scene = await Scene.set();
  const { stage } = scene;
  const [ended, lost] = [await running(scene, "ended"), await running(scene, "lost")];
  const attached = Promise.withResolvers<unknown>();
  const streams = { interactive: false, terminal: false, stdout: new Sink() };
  const joined = attach({ ...streams, socket: lost.attach, onAttached: attached.resolve });
  await attached.promise;
  await stage.guest.output(ended.sequence, "last words\n");
  await stage.guest.exit(ended.sequence, 5);
  await until(async () => await logged(ended.log) === 11);
  const closed = stage.proxy.close();
  assertEquals(await joined, { kind: "lost", reason: "VM lost: the proxy is closing" });
  await closed;
  assertEquals(JSON.parse(await Deno.readTextFile(ended.exit)).code, 5);
  await assertRejects(() => Deno.stat(lost.exit), Deno.errors.NotFound);
  assert(!isServed(ended) && !isServed(lost));
  for (const { shim } of [ended, lost]) shim[Symbol.dispose]();
  await scene[Symbol.asyncDispose]();
});
