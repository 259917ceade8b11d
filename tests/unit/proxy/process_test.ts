import { assertEquals } from "@std/assert";
import { GoCode } from "../../../lib/hyperstart/mod.ts";
import { Command } from "../../../lib/proxy/mod.ts";
import { reply } from "./fake_guest.ts";
import { refusal, response } from "./raw_client.ts";
import { Stage } from "./stage.ts";

const process = { terminal: false, args: ["x"] };

Deno.test("newcontainer gets the session's sequences, and every other key reaches the guest unchanged", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const token = await stage.token(runtime);
  await stage.shim(token);
  const data = `{"id":"c","new":[1.0,18446744073709551615],"process":{"args":["x"],"stdio":0,` +
    `"STDERR":null,"terminal":false,"umask":18},"constraints":{"CPUShares":7}}`;
  await runtime.rawCommand(
    Command.hyper,
    `{"hyperName":"newcontainer","tokens":["${token}"],"data":${data}}`,
  );
  assertEquals(
    stage.guest.commands[0]?.text,
    `{"id":"c","new":[1.0,18446744073709551615],"process":{"stdio":3,"stderr":4,"args":["x"],` +
      `"terminal":false,"umask":18},"constraints":{"CPUShares":7}}`,
  );
});

Deno.test("a process with a terminal gets no stderr sequence", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  await stage.running(runtime, true);
  assertEquals(
    JSON.parse(stage.guest.commands[0]!.text).process,
    { stdio: 3, terminal: true, args: ["x"] },
  );
});

Deno.test("sessions get pairs of sequences from 3 upwards", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const sequences = [];
  for (let count = 0; count < 3; count++) sequences.push((await stage.running(runtime)).sequence);
  assertEquals(sequences, [3, 5, 7]);
});

Deno.test("sequences chosen by the client, and a message without a process, are refused", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  for (
    const [data, message] of [
      [{ id: "c", process: { stdio: 5 } }, "expected process.Stdio to be 0, got 5"],
      [{ id: "c", process: { stderr: 6 } }, "expected process.Stderr to be 0, got 6"],
      [{ id: "c" }, 'Cannot read newcontainer: key "process" is missing'],
      [undefined, 'Cannot read newcontainer: key "process" is missing'],
    ] as const
  ) {
    assertEquals(
      await runtime.hyper("newcontainer", null, data),
      refusal(Command.hyper, message),
    );
  }
  assertEquals(stage.guest.commands, []);
});

Deno.test("processes without a token share no sequences, and their output is dropped", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  for (let count = 0; count < 3; count++) {
    assertEquals(
      await runtime.hyper("execcmd", null, { container: "c", process }),
      response(Command.hyper),
    );
  }
  const got = stage.guest.commands.map(({ text }) => JSON.parse(text).process);
  assertEquals(got.map(({ stdio, stderr }) => [stdio, stderr]), [[1, 2], [3, 4], [5, 6]]);
  await stage.guest.output(1, "dropped");
  await stage.guest.exit(1, 0);
  const { shim, sequence } = await stage.running(runtime);
  await stage.guest.output(sequence, "seen");
  assertEquals(await shim.frame(), { kind: "stream 1", text: "seen" });
});

Deno.test("newcontainer waits for the shim, and gives up after a while", async () => {
  const { stage, runtime } = await Stage.registered({ shimTimeout: 20 });
  await using _ = stage;
  const token = await stage.token(runtime);
  const data = { id: "c", process };
  const message = `timeout waiting for shim with token ${token}`;
  assertEquals(
    await runtime.hyper("newcontainer", [token], data),
    refusal(Command.hyper, message),
  );
  await stage.shim(token);
  assertEquals(await runtime.hyper("newcontainer", [token], data), response(Command.hyper));
});

Deno.test("newcontainer goes on as soon as the shim is there", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const token = await stage.token(runtime);
  const started = runtime.hyper("newcontainer", [token], { id: "c", process });
  await stage.shim(token);
  assertEquals(await started, response(Command.hyper));
});

Deno.test("a token serves one process; after a failed start it serves another", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const token = await stage.token(runtime);
  await stage.shim(token);
  const data = { id: "c", process };
  stage.guest.script = () => [reply(GoCode.ERROR, "bad")];
  for (let count = 0; count < 2; count++) {
    const message = "ERROR received from VM agent, control msg received : bad";
    assertEquals(await runtime.hyper("newcontainer", [token], data), refusal(3, message));
  }
  stage.guest.script = () => undefined;
  assertEquals(await runtime.hyper("newcontainer", [token], data), response(Command.hyper));
  assertEquals(
    await runtime.hyper("newcontainer", [token], data),
    refusal(Command.hyper, `token already used: ${token}`),
  );
  assertEquals(await runtime.hyper("ping"), response(Command.hyper));
});

Deno.test("ConnectShim refuses unknown and claimed tokens", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const token = await stage.token(runtime);
  const other = await stage.client();
  const opcode = Command.connectShim;
  assertEquals(
    await other.command(opcode, { token: "AAAA" }),
    refusal(opcode, "unknown token: AAAA"),
  );
  const shim = await stage.shim(token);
  const claimed = refusal(opcode, `token already claimed: ${token}`);
  assertEquals(await other.command(opcode, { token }), claimed);
  // A goodbye does not free it.
  assertEquals(await shim.command(Command.disconnectShim, {}), undefined);
  assertEquals(await other.command(opcode, { token }), claimed);
});

Deno.test("a client that is no shim can neither signal nor say goodbye", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  for (const opcode of [Command.signal, Command.disconnectShim]) {
    assertEquals(
      await runtime.command(opcode, { signalNumber: 15 }),
      refusal(opcode, "client isn't a shim"),
    );
  }
});

Deno.test("signals are judged by number and size", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const { shim } = await stage.running(runtime);
  for (
    const [request, message] of [
      [{ signalNumber: 99 }, "invalid signal number 99"],
      [{ signalNumber: 31 }, "invalid signal number 31"],
      [{ signalNumber: -1 }, "invalid signal number -1"],
      [{ signalNumber: 28 }, "received SIGWINCH but terminal size is invalid (0,0)"],
      [
        { signalNumber: 15, columns: 1, rows: 1 },
        "received a terminal size (1,1) for signal terminated",
      ],
    ] as const
  ) {
    assertEquals(await shim.command(Command.signal, request), refusal(Command.signal, message));
  }
});

Deno.test("signals and sizes of a container's first process reach the guest", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const { shim, id, sequence } = await stage.running(runtime);
  assertEquals(await shim.command(Command.signal, { signalNumber: 15 }), response(Command.signal));
  const size = { signalNumber: 28, columns: 80, rows: 24 };
  assertEquals(await shim.command(Command.signal, size), response(Command.signal));
  assertEquals(stage.guest.commands.slice(1), [
    {
      code: GoCode.KILLCONTAINER,
      text: JSON.stringify({ container: id, signal: 15, allProcesses: false }),
    },
    { code: GoCode.WINSIZE, text: JSON.stringify({ seq: sequence, row: 24, column: 80 }) },
  ]);
});

Deno.test("a guest that cannot signal further processes is not asked to; sizes still reach it", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const token = await stage.token(runtime);
  const shim = await stage.shim(token);
  await runtime.hyper("execcmd", [token], { container: "c", process });
  assertEquals(
    await shim.command(Command.signal, { signalNumber: 15 }),
    refusal(
      Command.signal,
      "Could not send the signal terminated: Sending a signal to a process different from the " +
        "initial container process is not supported",
    ),
  );
  const size = { signalNumber: 28, columns: 80, rows: 24 };
  assertEquals(await shim.command(Command.signal, size), response(Command.signal));
});

Deno.test("KILL and TERM before the start report the end at once, other signals wait and give up", async () => {
  const { stage, runtime } = await Stage.registered({ processTimeout: 20 });
  await using _ = stage;
  const token = await stage.token(runtime);
  const shim = await stage.shim(token);
  for (const signalNumber of [9, 15]) {
    const notice = await shim.command(Command.signal, { signalNumber });
    assertEquals(notice, { kind: "notification 0", text: "\0" });
    assertEquals(await shim.frame(), response(Command.signal));
  }
  assertEquals(
    await shim.command(Command.signal, { signalNumber: 1 }),
    refusal(Command.signal, `timeout waiting for process with token ${token}`),
  );
  assertEquals(stage.guest.commands, []);
});

Deno.test("a terminal's size told before the start holds from the start", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const token = await stage.token(runtime);
  const shim = await stage.shim(token);
  const size = { signalNumber: 28, columns: 100, rows: 30 };
  assertEquals(await shim.command(Command.signal, size), response(Command.signal));
  await runtime.hyper("newcontainer", [token], { id: "c", process });
  assertEquals(stage.guest.commands[1], {
    code: GoCode.WINSIZE,
    text: JSON.stringify({ seq: 3, row: 30, column: 100 }),
  });
});

Deno.test("stdin before the start gives up with the connection, and the token may be claimed again", async () => {
  const { stage, runtime } = await Stage.registered({ processTimeout: 20 });
  await using _ = stage;
  const token = await stage.token(runtime);
  const shim = await stage.shim(token);
  await shim.stdin("too early");
  assertEquals(await shim.frame(), undefined);
  const again = await stage.client();
  assertEquals(await again.command(Command.connectShim, { token }), response(Command.connectShim));
});
