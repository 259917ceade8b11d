import { assert, assertEquals } from "@std/assert";
import { GoCode, HOST_COMMANDS } from "../../../lib/hyperstart/mod.ts";
import { Command, encodeJsonFrame, encodeProxyFrame, FrameType } from "../../../lib/proxy/mod.ts";
import { reply } from "./fake_guest.ts";
import { type RawClient, refusal, response, tokensIn } from "./raw_client.ts";
import { until } from "../shim/scene.ts";
import { Stage } from "./stage.ts";

const MANY = 1000;

/** Open descriptors of this process, which has both ends of each connection. */
const descriptors = () => [...Deno.readDirSync("/proc/self/fd")].length;

Deno.test("every command that a host may name reaches the guest by its code, and both its answers come back", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  for (const [name, code] of Object.entries(HOST_COMMANDS)) {
    // The fake guest answers this one by itself.
    if (code === GoCode.GETVERSION) continue;
    const data = { id: name, container: name, process: { terminal: true } };
    stage.guest.script = () => [reply(GoCode.ACK, `did ${name}`)];
    assertEquals(await runtime.hyper(name, null, data), response(Command.hyper, `did ${name}`));
    assertEquals(stage.guest.commands.at(-1)!.code, code);
    stage.guest.script = () => [reply(GoCode.ERROR, "no")];
    const error = "ERROR received from VM agent, control msg received : no";
    assertEquals(await runtime.hyper(name, null, data), refusal(Command.hyper, error));
  }
});

Deno.test("every opcode is answered when its payload is nonsense, and the next command too", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  for (const opcode of Object.values(Command)) {
    for (const text of ["", "{}", "null", "7", "[", '{"containerId":5}', '{"token":{}}']) {
      const client = await stage.client();
      const answer = await client.rawCommand(opcode, text);
      assertEquals(answer?.kind, `response ${opcode} error`, `opcode ${opcode}, ${text}`);
      const next = await client.command(Command.attachVM, { containerId: "pod" });
      assertEquals(next?.kind, `response ${Command.attachVM}`);
      client[Symbol.dispose]();
    }
  }
  assertEquals(await runtime.hyper("ping"), response(Command.hyper));
});

Deno.test("a thousand clients at once are served, also when others go in the middle of a frame", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const attach = encodeJsonFrame(FrameType.command, Command.attachVM, { containerId: "pod" });
  const before = descriptors();
  const clients: RawClient[] = [];
  // One after the other: the kernel keeps no thousand waiting.
  for (let at = 0; at < MANY; at++) clients.push(await stage.client());
  await Promise.all(clients.map(async (client, at) => {
    // Every second one sends all but the end of a command.
    if (at % 2 === 0) return await client.write(attach.subarray(0, 1 + at % (attach.length - 1)));
    const answer = await client.command(Command.attachVM, { containerId: "pod" });
    assertEquals(answer?.kind, "response 2");
  }));
  // Some of an earlier test may have been closed meanwhile.
  assert(descriptors() - before > 1.9 * MANY);
  assertEquals(await runtime.hyper("ping"), response(Command.hyper));
  for (const client of clients) client[Symbol.dispose]();
  await until(() => descriptors() <= before);
  assertEquals(await runtime.hyper("ping"), response(Command.hyper));
});

Deno.test("a thousand tokens are told apart; guessed, used and forgotten ones are refused", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const request = { containerId: "pod", numIOStreams: MANY };
  const tokens = tokensIn(await runtime.command(Command.attachVM, request));
  assertEquals(new Set(tokens).size, MANY);
  for (const token of tokens.slice(0, 100)) {
    const shim = await stage.shim(token);
    const second = await stage.client();
    const claimed = refusal(Command.connectShim, `token already claimed: ${token}`);
    assertEquals(await second.command(Command.connectShim, { token }), claimed);
    const guess = token.slice(0, -2) + (token.at(-2) === "A" ? "B=" : "A=");
    const unknown = refusal(Command.connectShim, `unknown token: ${guess}`);
    assertEquals(await second.command(Command.connectShim, { token: guess }), unknown);
    // Goodbye uses it up.
    await shim.write(encodeProxyFrame(FrameType.command, Command.disconnectShim));
    assertEquals(await shim.frame(), undefined);
    assertEquals(await second.command(Command.connectShim, { token }), claimed);
    second[Symbol.dispose]();
  }
});

Deno.test("the loss of the VM is told to everybody who waits for it", async () => {
  const { stage, runtime } = await Stage.registered({ lossGrace: 200 });
  await using _ = stage;
  const { shim } = await stage.running(runtime);
  stage.guest.script = () => [];
  const waiting = runtime.hyper("ping");
  await stage.guest.until(() => stage.guest.commands.at(-1)!.code === GoCode.PING);
  await stage.guest.closeControl();
  await stage.guest.closeStreams();
  const lost = await waiting;
  assertEquals(lost?.kind, "response 3 error");
  assert(lost!.text.includes("VM lost"), lost!.text);
  assertEquals(await shim.frame(), undefined);
  assertEquals((await runtime.hyper("ping"))?.kind, "response 3 error");
});
