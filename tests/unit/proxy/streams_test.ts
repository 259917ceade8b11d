import { assert, assertEquals } from "@std/assert";
import { encodeStreamFrame, GoCode } from "../../../lib/hyperstart/mod.ts";
import { Command, encodeProxyFrame, FrameType, Stream } from "../../../lib/proxy/mod.ts";
import { concat, fromHex, randomPieces, seeded } from "../generated.ts";
import { reply } from "./fake_guest.ts";
import { type RawClient, refusal, response } from "./raw_client.ts";
import { Stage } from "./stage.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** Reads frames until a stream has given `length` characters; other frames come back as they are. */
async function collect(shim: RawClient, kind: string, length: number): Promise<string> {
  let got = "";
  while (got.length < length) {
    const frame = await shim.frame();
    assert(frame?.kind === kind, `got ${JSON.stringify(frame)} after ${got.length} characters`);
    got += frame.text;
  }
  return got;
}

Deno.test("output reaches the shim of its sequence, in order, with the exit code at the end", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const { shim, sequence } = await stage.running(runtime);
  await stage.guest.output(sequence, "A");
  await stage.guest.output(99, "nobody's");
  await stage.guest.output(sequence + 1, "B");
  await stage.guest.output(sequence, "");
  await stage.guest.output(sequence + 1, "!");
  await stage.guest.output(sequence, "late");
  await stage.guest.output(sequence, Uint8Array.of(5));
  const seen = [];
  for (let count = 0; count < 5; count++) seen.push(await shim.frame());
  assertEquals(seen, [
    { kind: "stream 1", text: "A" },
    { kind: "stream 2", text: "B" },
    { kind: "stream 2", text: "!" },
    { kind: "stream 1", text: "late" },
    { kind: "notification 0", text: "\x05" },
  ]);
});

Deno.test("frames in any pieces and of any mixture of processes reach their shims unchanged", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const processes = [await stage.running(runtime), await stage.running(runtime)];
  const random = seeded(6);
  const expected = ["", ""];
  const frames = Array.from({ length: 400 }, (_, index) => {
    const which = Math.floor(random() * 2);
    const data = String(index % 10).repeat(2 + Math.floor(random() ** 4 * 30_000));
    expected[which] += data;
    return encodeStreamFrame(processes[which]!.sequence, text(data));
  });
  const sending = (async () => {
    for (const piece of randomPieces(random, concat(frames), 40_000)) {
      await stage.guest.outputRaw(piece);
    }
  })();
  const got = await Promise.all(
    processes.map(({ shim }, index) => collect(shim, "stream 1", expected[index]!.length)),
  );
  await sending;
  assertEquals(got, expected);
});

Deno.test("an exit event of C hyperstart is told after the output, whichever comes first", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  for (const eventFirst of [true, false]) {
    const { shim, id, sequence } = await stage.running(runtime);
    const event = { container: id, process: "init", event: "finished", status: 7 };
    const sendEvent = () => stage.guest.send(reply(23, JSON.stringify(event)));
    await stage.guest.output(sequence, "out");
    if (eventFirst) {
      await sendEvent();
      await runtime.hyper("ping");
    }
    await stage.guest.output(sequence, "");
    if (!eventFirst) await sendEvent();
    assertEquals(await shim.frame(), { kind: "stream 1", text: "out" });
    assertEquals(await shim.frame(), { kind: "notification 0", text: "\x07" });
  }
});

Deno.test("stdin reaches the guest with the session's sequence, its end as an empty frame", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const { shim, sequence } = await stage.running(runtime);
  await shim.stdin("hello ");
  const payload = text("world");
  // A longer header is skipped here too.
  await shim.write(concat([fromHex("0002 04 000000 0200 00000005 ffffffff"), payload]));
  await shim.stdin("");
  await stage.guest.until(() => stage.guest.stdin.get(sequence)?.endsWith("<EOF>") ?? false);
  assertEquals(stage.guest.stdin.get(sequence), "hello world<EOF>");
});

Deno.test("10228 bytes of stdin in a frame pass, one more closes the connection", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const { shim, sequence } = await stage.running(runtime);
  await shim.stdin("x".repeat(10228));
  await stage.guest.until(() => stage.guest.stdin.get(sequence)?.length === 10228);
  await shim.stdin("x".repeat(10229));
  assertEquals(await shim.frame(), undefined);
});

Deno.test("a shim that reads nothing loses nothing, holds bounded memory, and others go on after it", async () => {
  const { stage, runtime } = await Stage.registered({ queueBound: 64 * 1024 });
  await using _ = stage;
  const slow = await stage.running(runtime);
  const other = await stage.running(runtime);
  const flood = "0123456789abcdef".repeat(64 * 1024);
  let sent = 0;
  const sending = (async () => {
    for (let at = 0; at < flood.length; at += 16384) {
      await stage.guest.output(slow.sequence, flood.slice(at, at + 16384));
      sent = at + 16384;
    }
    await stage.guest.output(other.sequence, "mine");
  })();
  // Commands do not use the stream channel.
  for (let count = 0; count < 50; count++) {
    assertEquals(await runtime.hyper("ping"), response(Command.hyper));
  }
  assert(sent < flood.length, "the proxy took 1 MiB of output that nobody read");
  assertEquals(await collect(slow.shim, "stream 1", flood.length), flood);
  await sending;
  assertEquals(await other.shim.frame(), { kind: "stream 1", text: "mine" });
});

Deno.test("a shim that reads nothing and goes away sets the others free", async () => {
  const { stage, runtime } = await Stage.registered({ queueBound: 1024, reconnectTimeout: 10 });
  await using _ = stage;
  const stuck = await stage.running(runtime);
  const other = await stage.running(runtime);
  const sending = (async () => {
    for (let count = 0; count < 40; count++) {
      await stage.guest.output(stuck.sequence, "x".repeat(16384));
    }
    await stage.guest.output(other.sequence, "free");
  })();
  await runtime.hyper("ping");
  stuck.shim[Symbol.dispose]();
  assertEquals(await other.shim.frame(), { kind: "stream 1", text: "free" });
  await sending;
});

Deno.test("a shim that comes back with its token gets the output of the meantime", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const { shim, token, sequence } = await stage.running(runtime);
  shim[Symbol.dispose]();
  const again = await stage.client();
  const connect = () => again.command(Command.connectShim, { token });
  // The proxy sees the end of the first connection some time.
  let answer = await connect();
  while (answer?.text.includes("already claimed")) answer = await connect();
  assertEquals(answer, response(Command.connectShim));
  await stage.guest.output(sequence, "hello again");
  assertEquals(await again.frame(), { kind: "stream 1", text: "hello again" });
  await again.stdin("in");
  await stage.guest.until(() => stage.guest.stdin.get(sequence) === "in");
});

Deno.test("output waits for a shim that is away", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const { shim, token, sequence } = await stage.running(runtime);
  const witness = await stage.running(runtime);
  await shim.write(fromHex("0001"));
  await shim.write(encodeProxyFrame(FrameType.response, 0));
  assertEquals(await shim.frame(), undefined);
  await stage.guest.output(sequence, "kept");
  await stage.guest.exit(sequence, 3);
  await stage.guest.output(witness.sequence, "x");
  await witness.shim.frame();
  const again = await stage.client();
  assertEquals(await again.command(Command.connectShim, { token }), response(Command.connectShim));
  assertEquals(await again.frame(), { kind: "stream 1", text: "kept" });
  assertEquals(await again.frame(), { kind: "notification 0", text: "\x03" });
});

Deno.test("the process of a shim that vanished for good is killed, and its token is worth nothing", async () => {
  const { stage, runtime } = await Stage.registered({ reconnectTimeout: 10 });
  await using _ = stage;
  const { shim, token, id } = await stage.running(runtime);
  shim[Symbol.dispose]();
  const { guest } = stage;
  await guest.until(() => guest.commands.at(-1)!.code === GoCode.KILLCONTAINER);
  assertEquals(
    guest.commands.at(-1)!.text,
    JSON.stringify({ container: id, signal: 9, allProcesses: false }),
  );
  const opcode = Command.connectShim;
  assertEquals(
    await (await stage.client()).command(opcode, { token }),
    refusal(opcode, `token already claimed: ${token}`),
  );
});

Deno.test("a shim that said goodbye has nothing killed", async () => {
  const { stage, runtime } = await Stage.registered({ reconnectTimeout: 1 });
  await using _ = stage;
  const { shim, sequence } = await stage.running(runtime);
  await stage.guest.exit(sequence, 0);
  assertEquals(await shim.frame(), { kind: "notification 0", text: "\0" });
  assertEquals(await shim.command(Command.disconnectShim, {}), undefined);
  const other = await stage.running(runtime);
  other.shim[Symbol.dispose]();
  const { guest } = stage;
  await guest.until(() => guest.commands.at(-1)!.code === GoCode.KILLCONTAINER);
  assertEquals(guest.commands.filter(({ code }) => code === GoCode.KILLCONTAINER).length, 1);
});

Deno.test("a shim on credit can signal although the guest takes no stdin", async () => {
  const { stage, runtime } = await Stage.registered({ stdinCredit: 20_000 });
  await using _ = stage;
  const token = await stage.token(runtime);
  const shim = await stage.client();
  const terms = await shim.command(Command.connectShim, { token, terms: true });
  assertEquals(JSON.parse(terms!.text), { maxStdin: 10228, stdinCredit: 20_000 });
  // Before the process has started stdin goes nowhere, and here it does not start.
  await shim.stdin("x".repeat(10_000));
  await shim.stdin("y".repeat(10_000));
  const notice = await shim.command(Command.signal, { signalNumber: 15 });
  assertEquals(notice, { kind: "notification 0", text: "\0" });
  assertEquals(await shim.frame(), response(Command.signal));
});

Deno.test("a shim on credit is told what the guest has taken", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const token = await stage.token(runtime);
  const shim = await stage.client();
  await shim.command(Command.connectShim, { token, terms: true });
  await shim.stdin("four");
  await shim.stdin("");
  await runtime.hyper("newcontainer", [token], { id: "c", process: { args: ["x"] } });
  assertEquals(await shim.frame(), { kind: "notification 1", text: "\0\0\0\x04" });
  await stage.guest.until(() => stage.guest.stdin.get(3) === "four<EOF>");
});

Deno.test("a stream channel that breaks the framing is the end of the VM", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const { shim } = await stage.running(runtime);
  await stage.guest.outputRaw(fromHex("0000000000000003 00000000"));
  assertEquals(await shim.frame(), undefined);
  assertEquals(
    await runtime.hyper("ping"),
    refusal(Command.hyper, "No multicast available for CTL channel"),
  );
});

Deno.test("stdout is not taken from a shim", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const { shim } = await stage.running(runtime);
  await shim.write(encodeProxyFrame(FrameType.stream, Stream.stdout, text("x")));
  assertEquals(await shim.frame(), undefined);
});
