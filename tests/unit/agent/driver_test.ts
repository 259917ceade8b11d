import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { guestPorts, HyperstartAgent, NoopAgent } from "../../../lib/agent/mod.ts";
import { Failure } from "../../../lib/failure.ts";
import { Code } from "../../../lib/hyperstart/mod.ts";
import { command, container, POD, Scene } from "./scene.ts";

Deno.test("the guest's ports are control and stream, at generated paths or at the configuration's", () => {
  assertEquals(guestPorts({ directory: "/run/p" }), [
    {
      deviceId: "channel0",
      backendId: "charch0",
      hostPath: "/run/p/ctl.sock",
      name: "sh.hyper.channel.0",
    },
    {
      deviceId: "channel1",
      backendId: "charch1",
      hostPath: "/run/p/tty.sock",
      name: "sh.hyper.channel.1",
    },
  ]);
  const both = guestPorts({ directory: "/run/p", sockets: { control: "/a", stream: "/b" } });
  assertEquals(both.map(({ hostPath }) => hostPath), ["/a", "/b"]);
  const one = guestPorts({ directory: "/run/p", sockets: { stream: "/b" } });
  assertEquals(one.map(({ hostPath }) => hostPath), ["/run/p/ctl.sock", "/b"]);
});

Deno.test("a socket whose path is too long is refused, not cut short", () => {
  const directory = `/${"d".repeat(97)}`;
  assertEquals(guestPorts({ directory })[0]!.hostPath.length, 107);
  assertThrows(() => guestPorts({ directory: `${directory}d` }), Failure, "107 are the most");
});

Deno.test("a VM gets the ports and the share that the driver says, and none before it has its sockets", async () => {
  const agent = new HyperstartAgent({ pod: "p", proxy: "unix:///x" });
  await assertRejects(() => agent.startPod(POD), Error, "its driver has no sockets yet");
  agent.init({ directory: "/run/p", sockets: { control: "/c", stream: "/s" } });
  const { ports, share } = agent.createPod("/run/p/shared");
  assertEquals(ports.map(({ hostPath }) => hostPath), ["/c", "/s"]);
  assertEquals(share, { path: "/run/p/shared", tag: "hyperShared" });
  assertEquals(agent.capabilities(), { blockDevices: true });
});

Deno.test("overlapping commands of one driver share a connection and get their own answers", async () => {
  await using scene = new Scene("go");
  await scene.agent.startPod(POD);
  const formats = ["json", "table", "json", "table"] as const;
  const answers = await Promise.all(
    formats.map((format) => scene.agent.listProcesses("c", format, [])),
  );
  assertEquals(answers, ["[148,153]", "PID\n148\n", "[148,153]", "PID\n148\n"]);
});

Deno.test("a second driver attaches to a pod that another one has registered", async () => {
  await using scene = new Scene("c4244");
  await scene.agent.startPod(POD);
  scene.agent.close();
  const second = scene.newAgent();
  await second.killContainer("c", 9, false);
  second.close();
  assertEquals(scene.dialect.messages(Code.KILLCONTAINER), [
    { container: "c", signal: 9, allProcesses: false },
  ]);
});

Deno.test("a guest whose pod has been emptied is another pod's, without a second greeting", async () => {
  await using scene = new Scene("go");
  await scene.agent.startPod(POD);
  await scene.agent.emptyPod();
  scene.agent.close();
  const { control, streams } = scene.dialect.guest;
  const web = new HyperstartAgent({ pod: "web", proxy: scene.url });
  web.init({ directory: scene.directory, sockets: { control, stream: streams } });
  await web.startPod({ ...POD, hostname: "www" }, "pod1");
  await assertRejects(() => scene.agent.killContainer("c", 9, false), Error, "unknown containerID");
  await web.killContainer("c", 9, false);
  web.close();
  const started = scene.dialect.messages(Code.STARTPOD) as { hostname: string }[];
  assertEquals(started.map(({ hostname }) => hostname), ["pod1", "www"]);
  assertEquals(scene.dialect.messages(Code.DESTROYPOD).length, 1);
});

Deno.test("a pod's end is told to the proxy even when the guest refuses to come down, and the refusal is reported", async () => {
  await using scene = new Scene("go");
  await scene.agent.startPod(POD);
  const { guest } = scene.dialect;
  const { script } = guest;
  guest.script = (asked, at) =>
    asked.code === Code.DESTROYPOD
      ? [{ code: Code.ERROR, payload: new TextEncoder().encode("no") }]
      : script(asked, at);
  await assertRejects(() => scene.agent.stopPod(), Error, "control msg received : no");
  await assertRejects(() => scene.agent.killContainer("c", 9, false), Error, "unknown containerID");
});

Deno.test("a C guest that powers off before its answer is out has stopped in order", async () => {
  await using scene = new Scene("c4242", { lossGrace: 1, drainTimeout: 1 });
  await scene.agent.startPod(POD);
  const { guest } = scene.dialect;
  guest.script = ({ code }) => {
    if (code !== Code.DESTROYPOD) return undefined;
    queueMicrotask(() => guest.closeControl().then(() => guest.closeStreams()));
    return [];
  };
  await scene.agent.stopPod();
});

Deno.test("a container with a long environment is refused with its size by guests of the originals' limits", async () => {
  await using scene = new Scene("go");
  await scene.agent.startPod(POD);
  const env = [{ env: "LONG", value: "x".repeat(20_000) }];
  const { token } = await scene.agent.reserveStreams();
  const long = container("c", [], { command: command(["x"], { env }) });
  await assertRejects(
    () => scene.agent.startContainer(long, token),
    Error,
    "10240 are the most (process.envs 20027",
  );
  assertEquals(scene.dialect.messages(Code.NEWCONTAINER), []);
});

Deno.test("a driver that is told to stop gives up a guest that says nothing", async () => {
  const directory = await Deno.makeTempDir();
  const abort = new AbortController();
  const agent = new HyperstartAgent({
    pod: "p",
    proxy: `unix://${directory}/none.sock`,
    signal: abort.signal,
  });
  agent.init({ directory });
  const started = agent.startPod(POD);
  abort.abort(new Error("told to stop"));
  await assertRejects(() => started, Error, "told to stop");
  await Deno.remove(directory, { recursive: true });
});

Deno.test("the agent without a guest does nothing, and does it at once", async () => {
  const agent = new NoopAgent();
  agent.init();
  assertEquals(agent.capabilities(), { blockDevices: false });
  assertEquals(agent.createPod(), { ports: [], share: null });
  await agent.startPod();
  assertEquals(await agent.reserveStreams(), { url: "", token: "" });
  await agent.startContainer();
  assertEquals(await agent.listProcesses("c", "json"), "[]");
  assertEquals(await agent.listProcesses("c", "table"), "");
  await agent.onlineCPUMem();
  await agent.stopPod();
});
