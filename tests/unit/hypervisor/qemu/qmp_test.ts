import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  QmpClient,
  QmpError,
  type QmpEvent,
  QmpProtocolError,
} from "../../../../lib/hypervisor/mod.ts";
import { FakeMonitor } from "./fake_monitor.ts";

/** A client that has been greeted, and its peer. */
async function connected(options = {}): Promise<{ client: QmpClient; monitor: FakeMonitor }> {
  const monitor = await FakeMonitor.start();
  const [client] = await Promise.all([
    QmpClient.open(monitor.connection, options),
    monitor.negotiate(),
  ]);
  return { client, monitor };
}

Deno.test("the monitor is greeted and told that capabilities are agreed on", async () => {
  using monitor = await FakeMonitor.start();
  const opening = QmpClient.open(monitor.connection);
  await monitor.send('{"QMP": {}}\n');
  const command = await monitor.receive();
  assertEquals(command.execute, "qmp_capabilities");
  await monitor.send(`{"return": {}, "id": ${command.id}}\n`);
  (await opening).close();
});

Deno.test("answers find their commands by id, in any order", async () => {
  const { client, monitor } = await connected();
  using _client = client, _monitor = monitor;
  const first = client.execute("query-status");
  const second = client.execute("device_del", { id: "net" });
  const one = await monitor.receive(), two = await monitor.receive();
  assertEquals(two.arguments, { id: "net" });
  await monitor.send(`{"return": "b", "id": ${two.id}}\n{"return": "a", "id": ${one.id}}\n`);
  assertEquals([await first, await second], ["a", "b"]);
});

Deno.test("a message may come in any pieces", async () => {
  const { client, monitor } = await connected();
  using _client = client, _monitor = monitor;
  const answer = client.execute("query-name");
  const { id } = await monitor.receive();
  for (const character of `\r\n{"return": {"name": "caf\u00e9"}, "id": ${id}}\r\n`) {
    await monitor.send(character);
  }
  assertEquals(await answer, { name: "caf\u00e9" });
});

Deno.test("a refused command throws with QEMU's class and words, and the next one works", async () => {
  const { client, monitor } = await connected();
  using _client = client, _monitor = monitor;
  const refused = client.execute("device_del", { id: "no" });
  const { id } = await monitor.receive();
  await monitor.send(
    `{"error": {"class": "DeviceNotFound", "desc": "Device 'no' not found"}, "id": ${id}}\n`,
  );
  const error = await assertRejects(() => refused, QmpError, "Device 'no' not found");
  assertEquals(error.errorClass, "DeviceNotFound");
  const next = client.execute("cont");
  await monitor.send(`{"return": {}, "id": ${(await monitor.receive()).id}}\n`);
  assertEquals(await next, {});
});

Deno.test("events are told, between answers too", async () => {
  const events: QmpEvent[] = [];
  const { client, monitor } = await connected({ onEvent: (event: QmpEvent) => events.push(event) });
  using _client = client, _monitor = monitor;
  const answer = client.execute("stop");
  const { id } = await monitor.receive();
  await monitor.send(
    '{"event": "STOP", "timestamp": {"seconds": 1, "microseconds": 2}}\n' +
      '{"event": "SHUTDOWN", "data": {"guest": true}}\n' + `{"return": {}, "id": ${id}}\n`,
  );
  await answer;
  assertEquals(events, [{ name: "STOP", data: {} }, { name: "SHUTDOWN", data: { guest: true } }]);
});

Deno.test("a monitor that does not answer is given up", async () => {
  const { client, monitor } = await connected({ timeout: 20 });
  using _client = client, _monitor = monitor;
  await assertRejects(
    () => client.execute("query-status"),
    QmpProtocolError,
    "QEMU did not answer query-status within 20 ms",
  );
});

Deno.test("a peer that does not greet is given up", async () => {
  using monitor = await FakeMonitor.start();
  await assertRejects(
    () => QmpClient.open(monitor.connection, { timeout: 20 }),
    QmpProtocolError,
    "QEMU did not greet",
  );
});

Deno.test("commands under way fail when the connection ends, and later ones at once", async () => {
  const { client, monitor } = await connected();
  using _client = client, _monitor = monitor;
  const pending = client.execute("quit");
  await monitor.receive();
  monitor.hangUp();
  await assertRejects(() => pending, QmpProtocolError, "QEMU ended the connection");
  await assertRejects(() => client.execute("cont"), QmpProtocolError);
});

Deno.test("what is no message ends the connection with an error", async () => {
  const garbage = ["hello\n", "[1]\n", '"text"\n', "{}\n", '{"return": \n', "\u0000\u0001\n"];
  for (const line of garbage) {
    const { client, monitor } = await connected();
    using _client = client, _monitor = monitor;
    const pending = client.execute("query-status");
    await monitor.send(line);
    await assertRejects(() => pending, QmpProtocolError, "Cannot read from the monitor");
  }
});

Deno.test("an answer that nobody waits for is passed over", async () => {
  const { client, monitor } = await connected();
  using _client = client, _monitor = monitor;
  await monitor.send('{"return": {}, "id": 999}\n{"return": {}}\n');
  const answer = client.execute("cont");
  await monitor.send(`{"return": 1, "id": ${(await monitor.receive()).id}}\n`);
  assertEquals(await answer, 1);
});

Deno.test("a line without end is not kept", async () => {
  const { client, monitor } = await connected();
  using _client = client, _monitor = monitor;
  const pending = client.execute("query-status");
  await monitor.receive();
  const flood = (async () => {
    for (let sent = 0; sent < 6; sent++) await monitor.send("x".repeat(1 << 20));
  })().catch(() => "refused");
  const error = await assertRejects(() => pending, QmpProtocolError);
  assert((error.cause as Error).message.includes("longer than"));
  monitor.hangUp();
  await flood;
});
