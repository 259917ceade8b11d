/**
 * A death is told within a second: what is waited for on purpose, in proxy and shim, adds up to less. Measured on a clock
 * that only their timers move, so that nothing here depends on how busy the machine is.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { GoCode } from "../../../lib/hyperstart/mod.ts";
import { ProxyClient } from "../../../lib/proxy/mod.ts";
import { Shim } from "../../../lib/shim/mod.ts";
import { selfCommand } from "../../../lib/sys/mod.ts";
import { FakeGuest } from "../proxy/fake_guest.ts";
import { TimerClock } from "../timer_clock.ts";
import { Scene } from "./scene.ts";

const SECOND = 1000;

Deno.test("a guest whose control channel is gone is told to be lost within a second, however much it says", async () => {
  await using scene = await Scene.set();
  const { result, sequence } = await scene.serve();
  const { guest } = scene.stage;
  guest.script = () => [];
  const waiting = scene.runtime.hyper("ping");
  await guest.until(() => guest.commands.at(-1)!.code === GoCode.PING);
  using clock = new TimerClock();
  const chatter = () => guest.output(sequence, "on and on ");
  await guest.closeControl();
  const [ended, answer] = await clock.within(SECOND, Promise.all([result, waiting]), chatter);
  const reason = "VM lost: the control channel closed";
  assertEquals(ended, { kind: "lost", reason });
  assertMatch(answer!.text, new RegExp(reason));
});

Deno.test("a guest that is gone altogether is told to be lost within a second", async () => {
  await using scene = await Scene.set();
  const { result } = await scene.serve();
  using clock = new TimerClock();
  await scene.stage.guest.closeControl();
  await scene.stage.guest.closeStreams();
  assertEquals((await clock.within(SECOND, result)).kind, "lost");
});

Deno.test("a proxy that is killed is told to be lost within a second", async () => {
  const directory = await Deno.makeTempDir();
  await using guest = new FakeGuest(directory);
  const url = `unix://${directory}/proxy.sock`;
  const [command, ...args] = selfCommand(["proxy", "-uri", url]);
  const proxy = new Deno.Command(command!, { args, stderr: "null" }).spawn();
  const client = await ProxyClient.connect(url);
  const vm = { containerId: "pod", ctlSerial: guest.control, ioSerial: guest.streams };
  const { tokens } = await client.registerVM({ ...vm, numIOStreams: 1 });
  const connected = Promise.withResolvers<void>();
  const shim = new Shim({
    url,
    token: tokens[0]!,
    container: "c",
    interactive: false,
    terminal: false,
    // As the program has it.
    reconnectTimeout: 10_000,
    onConnected: connected.resolve,
  });
  const result = shim.run();
  await connected.promise;
  using clock = new TimerClock();
  proxy.kill("SIGKILL");
  const ended = await clock.within(SECOND, result);
  assertMatch(ended.kind === "lost" ? ended.reason : "", /^the proxy closed the connection/);
  client.close();
  await proxy.status;
  await Deno.remove(directory, { recursive: true });
});

Deno.test("the process of a shim that is gone is killed within a second", async () => {
  await using scene = await Scene.set();
  const { stage, runtime } = scene;
  const { shim, id } = await stage.running(runtime);
  using clock = new TimerClock();
  shim[Symbol.dispose]();
  const killed = stage.guest.until(() =>
    stage.guest.commands.at(-1)!.code === GoCode.KILLCONTAINER
  );
  await clock.within(SECOND, killed);
  assertEquals(JSON.parse(stage.guest.commands.at(-1)!.text), {
    container: id,
    signal: 9,
    allProcesses: false,
  });
});
