import { assertEquals, assertRejects } from "@std/assert";
import { Failure } from "../../../lib/failure.ts";
import { Code } from "../../../lib/hyperstart/mod.ts";
import { Command } from "../../../lib/proxy/mod.ts";
import { command, container, Scene } from "./scene.ts";

const SIGWINCH = 28;

/** A network of which only the built-in guest takes everything. */
const NETWORK = {
  interfaces: [{
    newDeviceName: "eth0",
    ipAddresses: [
      { ipAddress: "10.1.2.3", netMask: "24" },
      { ipAddress: "fd00::2", netMask: "64" },
    ],
    mtu: 1500,
    macAddr: "02:00:00:00:00:01",
  }],
  routes: [
    { dest: "default", gateway: "10.1.2.1", device: "eth0", metric: 7 },
    { dest: "::/0", gateway: "fd00::1", device: "eth0" },
    { dest: "10.9.0.0/16", device: "eth0" },
  ],
  dns: ["10.1.2.1", "fd00::1"],
  dnsSearch: ["example.org"],
};

for (const dialect of ["go", "c4242", "c4244"] as const) {
  Deno.test(`${dialect}: a whole session from READY to DESTROYPOD, with nothing refused`, async () => {
    await using scene = new Scene(dialect);
    const { agent, dialect: guest } = scene;
    await agent.startPod({ hostname: "pod1", ...NETWORK });

    const first = await scene.streams("x".repeat(3000));
    const mounts = [{ source: "c1:0-data", destination: "/data", readOnly: true }];
    const more = { mounts, readOnlyRoot: true, cpu: { quota: 5, period: 10, shares: 7 } };
    await agent.startContainer(container("c1", ["cat"], more), first.token);
    assertEquals(await first.ended, {
      result: { kind: "exited", code: 7 },
      stdout: "x".repeat(3000),
    });
    await agent.removeContainer("c1");

    const second = await scene.streams();
    await agent.startContainer(container("c2", ["sleep"]), second.token);
    const exec = await scene.streams();
    await agent.exec("c2", command(["exit", "5"]), exec.token);
    assertEquals((await exec.ended).result, { kind: "exited", code: 5 });
    await agent.killContainer("c2", 9, true);
    const killed = dialect === "go" ? 137 : 0;
    assertEquals((await second.ended).result, { kind: "exited", code: killed });
    await agent.removeContainer("c2");
    await agent.onlineCPUMem({ cpus: 2, memoryMiB: 1024 });
    const [card] = NETWORK.interfaces;
    await agent.setInterface({ ...card!, device: "eth1", newDeviceName: "lan1" });
    await agent.setRoutes(NETWORK.routes);
    await assertRejects(() => agent.deleteRoutes(NETWORK.routes), Failure, "has no command for it");
    const known = dialect === "go" ? [] : ["no such container", "no such container"];
    assertEquals(guest.refusals, known);

    await agent.stopPod();
    assertEquals(guest.got.map(({ code }) => code), [
      Code.STARTPOD,
      Code.NEWCONTAINER,
      Code.REMOVECONTAINER,
      Code.NEWCONTAINER,
      Code.EXECCMD,
      Code.KILLCONTAINER,
      Code.REMOVECONTAINER,
      ...(dialect === "go" ? [] : [Code.ONLINECPUMEM]),
      Code.SETUPINTERFACE,
      Code.SETUPROUTE,
      Code.DESTROYPOD,
    ]);
  });
}

Deno.test("the Go agent lists processes, C hyperstart has no command for it and is not asked", async () => {
  await using go = new Scene("go");
  await go.agent.startPod({ hostname: "pod1", ...NETWORK });
  assertEquals(await go.agent.listProcesses("c", "json", []), "[148,153]");
  assertEquals(await go.agent.listProcesses("c", "table", ["-e"]), "PID\n148\n");
  await using c = new Scene("c4244");
  await c.agent.startPod({ hostname: "pod1", ...NETWORK });
  await assertRejects(() => c.agent.listProcesses("c", "json", []), Failure, "no command for it");
  assertEquals(c.dialect.messages(23), []);
});

Deno.test("a terminal's size goes by sequence or by names, and signals to further processes where they can", async () => {
  for (
    const [dialect, size, canSignal] of [
      ["go", { seq: 3, row: 33, column: 99 }, false],
      ["c4242", { seq: 3, row: 33, column: 99 }, false],
      ["c4244", { container: "c", row: 33, column: 99 }, true],
    ] as const
  ) {
    await using scene = new Scene(dialect);
    await scene.agent.startPod({ hostname: "pod1", ...NETWORK });
    const { token } = await scene.agent.reserveStreams();
    using shim = await scene.raw();
    await shim.command(Command.connectShim, { token });
    await scene.agent.exec("c", command(["exec"], { terminal: true }), token);
    await shim.command(Command.signal, { signalNumber: SIGWINCH, columns: 99, rows: 33 });
    const [{ process, ...sent }] = scene.dialect.messages(Code.WINSIZE) as [
      Record<string, unknown>,
    ];
    assertEquals(sent, size);
    const [started] = scene.dialect.messages(Code.EXECCMD) as [{ process: { id?: string } }];
    assertEquals(process, started.process.id);
    // The end of the process may be told before the answer.
    let answer = await shim.command(Command.signal, { signalNumber: 15 });
    while (answer && !answer.kind.startsWith("response")) answer = await shim.frame();
    assertEquals(answer?.kind, canSignal ? "response 6" : "response 6 error");
    const named = { container: "c", process: started.process.id, signal: 15 };
    assertEquals(scene.dialect.messages(24), canSignal ? [named] : []);
  }
});

Deno.test("a C guest is told where it is not to be asked for its version again", async () => {
  await using scene = new Scene("c4244");
  await scene.agent.startPod({ hostname: "pod1", ...NETWORK });
  using client = await scene.raw();
  const answer = await client.command(Command.attachVM, { containerId: "pod1" });
  assertEquals(JSON.parse(answer!.text), {
    io: { URL: scene.url, tokens: null },
    dialect: "c4244",
  });
});
