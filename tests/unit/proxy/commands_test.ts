import { assertEquals, assertMatch } from "@std/assert";
import { GoCode } from "../../../lib/hyperstart/mod.ts";
import { Command } from "../../../lib/proxy/mod.ts";
import { reply } from "./fake_guest.ts";
import { refusal, response, tokensIn } from "./raw_client.ts";
import { Stage } from "./stage.ts";

const process = { terminal: false, args: ["x"] };

Deno.test("RegisterVM answers once the guest is READY, with the URL in capitals and null for no tokens", async () => {
  await using stage = new Stage();
  const io = { io: { URL: stage.url, tokens: null } };
  const got = await stage.register(await stage.client());
  assertEquals(got, response(Command.registerVM, JSON.stringify(io)));
});

Deno.test("RegisterVM and AttachVM make as many tokens as asked, each 44 characters of base64url", async () => {
  await using stage = new Stage();
  const runtime = await stage.client();
  const first = tokensIn(await stage.register(runtime, 2));
  const attach = { containerId: "pod", numIOStreams: 1 };
  const more = tokensIn(await runtime.command(Command.attachVM, attach));
  assertEquals([first.length, more.length], [2, 1]);
  for (const token of [...first, ...more]) assertMatch(token, /^[A-Za-z0-9_-]{43}=$/);
  assertEquals(new Set([...first, ...more]).size, 3);
});

Deno.test("RegisterVM with an empty id or path is refused and dials nobody", async () => {
  await using stage = new Stage();
  const runtime = await stage.client();
  const vm = { containerId: "pod", ctlSerial: stage.guest.control, ioSerial: stage.guest.streams };
  for (const key of ["containerId", "ctlSerial", "ioSerial"]) {
    assertEquals(
      await runtime.command(Command.registerVM, { ...vm, [key]: "" }),
      refusal(Command.registerVM, "malformed RegisterVM command"),
    );
  }
  // The guest takes one connection only: had it been dialled, this would hang.
  assertEquals((await stage.register(runtime))?.kind, "response 0");
});

Deno.test("RegisterVM of a registered id is refused", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  assertEquals(
    await stage.register(runtime),
    refusal(Command.registerVM, "pod: container already registered"),
  );
});

Deno.test("RegisterVM without a VM at its sockets fails with the reason, and the id is free again", async () => {
  await using stage = new Stage();
  const runtime = await stage.client();
  const path = `${stage.directory}/nosuch`;
  const vm = { containerId: "pod", ctlSerial: path, ioSerial: path };
  const expected = refusal(
    Command.registerVM,
    `dial unix ${path}: connect: no such file or directory`,
  );
  assertEquals(await runtime.command(Command.registerVM, vm), expected);
  assertEquals((await stage.register(runtime))?.kind, "response 0");
});

Deno.test("RegisterVM gives up a guest that is never READY", async () => {
  await using stage = new Stage({ readyTimeout: 20 }, null);
  assertEquals(
    await stage.register(await stage.client()),
    refusal(Command.registerVM, "timeout waiting for READY from VM agent"),
  );
});

Deno.test("RegisterVM refuses a guest whose first word is not READY", async () => {
  await using stage = new Stage({}, null);
  const answer = stage.register(await stage.client());
  await stage.guest.send(reply(GoCode.NEXT, "\0\0\0\0"), reply(GoCode.ACK, "hi"));
  assertEquals(
    await answer,
    refusal(
      Command.registerVM,
      "CMD ID received 9 not matching expected 8, control msg received : hi",
    ),
  );
});

Deno.test("commands for an unknown VM are refused", async () => {
  await using stage = new Stage();
  const client = await stage.client();
  const nope = { containerId: "nope" };
  for (const opcode of [Command.attachVM, Command.unregisterVM]) {
    assertEquals(
      await client.command(opcode, nope),
      refusal(opcode, "unknown containerID: nope"),
    );
  }
});

Deno.test("Hyper before AttachVM, and after UnregisterVM, is refused", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const expected = refusal(Command.hyper, "client not attached to a vm");
  assertEquals(await (await stage.client()).hyper("ping"), expected);
  assertEquals(
    await runtime.command(Command.unregisterVM, { containerId: "pod" }),
    response(Command.unregisterVM),
  );
  assertEquals(await runtime.hyper("ping"), expected);
});

Deno.test("Hyper passes data on byte for byte and the guest's ACK back", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  stage.guest.script = () => [reply(GoCode.ACK, "[1,2]")];
  const data = '{ "container":"a" , "psargs" : [18446744073709551615, "\\u0041"] }';
  const request = `{"hyperName":"pscontainer","tokens":null,"data":${data}}`;
  assertEquals(
    await runtime.rawCommand(Command.hyper, request),
    response(Command.hyper, "[1,2]"),
  );
  assertEquals(stage.guest.commands, [{ code: GoCode.PSCONTAINER, text: data }]);
  await runtime.hyper("ping");
  assertEquals(stage.guest.commands[1], { code: GoCode.PING, text: "" });
});

Deno.test("the guest's ERROR becomes an error response, and the channel goes on", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  stage.guest.script = ({ code }) =>
    code === GoCode.PING ? undefined : [reply(GoCode.ERROR, "bad")];
  assertEquals(
    await runtime.hyper("startpod", null, {}),
    refusal(Command.hyper, "ERROR received from VM agent, control msg received : bad"),
  );
  assertEquals(await runtime.hyper("ping"), response(Command.hyper));
});

Deno.test("an unknown command and an over-long message are refused without harm to the next command", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  assertEquals(
    await runtime.hyper("frobnicate"),
    refusal(Command.hyper, "unknown command 'frobnicate'"),
  );
  assertEquals(
    await runtime.hyper("startpod", null, { hostname: "x".repeat(10218) }),
    refusal(Command.hyper, "message too long 10241"),
  );
  assertEquals(await runtime.hyper("ping"), response(Command.hyper));
  assertEquals(await runtime.hyper("startpod", null, { hostname: "x".repeat(10217) }), response(3));
});

Deno.test("tokens are refused where they do not belong, and in the wrong number", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const data = { id: "c", process };
  for (
    const [name, tokens, message] of [
      ["ping", ["t"], "ping doesn't need tokens but 1 token(s) were given"],
      ["newcontainer", ["a", "b"], "expected 0 or 1 token, got 2"],
      ["newcontainer", ["zzz"], "unknown token zzz"],
    ] as const
  ) {
    assertEquals(await runtime.hyper(name, [...tokens], data), refusal(Command.hyper, message));
  }
});

Deno.test("malformed JSON is refused and the connection lives on", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  for (const opcode of [Command.registerVM, Command.attachVM, Command.hyper]) {
    assertEquals((await runtime.rawCommand(opcode, "not json"))?.kind, `response ${opcode} error`);
  }
  assertEquals(await runtime.hyper("ping"), response(Command.hyper));
});

Deno.test("events, NEXT and PODFINISHED that nobody asked for never pass for a reply", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const noise = [13, 14, 23, 24].map((code) => reply(code, "\0\0\0\x01"));
  stage.guest.script = () => [...noise, reply(GoCode.ACK, "real"), ...noise];
  for (let round = 0; round < 3; round++) {
    assertEquals(await runtime.hyper("ping"), response(Command.hyper, "real"));
  }
});

Deno.test("a reply that comes too late belongs to its own command, not to the next", async () => {
  const { stage, runtime } = await Stage.registered({ replyTimeout: 20 });
  await using _ = stage;
  stage.guest.script = () => [];
  assertEquals(
    await runtime.hyper("startpod", null, {}),
    refusal(Command.hyper, "timeout waiting for the reply of VM agent to startpod"),
  );
  assertEquals(
    await runtime.hyper("ping"),
    refusal(Command.hyper, "timeout waiting for the reply of VM agent to ping"),
  );
  stage.guest.script = () => [reply(GoCode.ACK, "mine")];
  await stage.guest.send(reply(GoCode.ACK, "late"));
  assertEquals(await runtime.hyper("ping"), response(Command.hyper, "mine"));
  // The ping that ran out of time before its turn was never sent.
  assertEquals(stage.guest.commands.map(({ code }) => code), [GoCode.STARTPOD, GoCode.PING]);
});

Deno.test("commands of several clients each get their own reply", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  stage.guest.script = ({ text }) => [reply(GoCode.ACK, text)];
  const clients = [runtime];
  for (let count = 0; count < 4; count++) {
    const client = await stage.client();
    await client.command(Command.attachVM, { containerId: "pod" });
    clients.push(client);
  }
  const answers = await Promise.all(
    clients.map((client, index) => client.hyper("startpod", null, { index })),
  );
  assertEquals(
    answers.map((each) => each?.text),
    [0, 1, 2, 3, 4].map((index) => `{"index":${index}}`),
  );
});

Deno.test("what the guest says of itself in READY lifts its limits and is told to clients", async () => {
  const hello = {
    agent: "podvisor",
    version: "1",
    features: ["signal-sequence"],
    maxMessage: 1 << 20,
    maxStreamPayload: 65536,
    clock: 0,
  };
  await using stage = new Stage({}, JSON.stringify(hello));
  const runtime = await stage.client();
  assertEquals(JSON.parse((await stage.register(runtime))!.text).guest, hello);
  assertEquals(
    await runtime.hyper("startpod", null, { hostname: "x".repeat(50_000) }),
    response(3),
  );
  const { shim, sequence } = await stage.running(runtime);
  await shim.command(Command.signal, { signalNumber: 15 });
  assertEquals(stage.guest.commands.at(-1), {
    code: 24,
    text: JSON.stringify({ seq: sequence, signal: 15 }),
  });
});
