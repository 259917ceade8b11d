import { setImmediate } from "node:timers";
import { assertEquals, assertRejects } from "@std/assert";
import {
  Command,
  encodeProxyFrame,
  FrameType,
  ProxyDecoder,
  ProxyError,
} from "../../../lib/proxy/mod.ts";
import { Shim } from "../../../lib/shim/mod.ts";
import { joined, sample, Scene, Sink, source } from "./scene.ts";

const TOKEN = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

Deno.test("both outputs arrive whole and apart, and the exit code after them, however slow they are taken", async () => {
  await using scene = await Scene.set();
  const { result, stdout, stderr, sequence } = await scene.serve();
  const { guest } = scene.stage;
  stdout.before = () => new Promise((resolve) => setTimeout(resolve, 1));
  const bytes = sample(200_000);
  for (let at = 0; at < bytes.length; at += 3001) {
    await guest.output(sequence, bytes.subarray(at, at + 3001));
    await guest.output(sequence + 1, `${at} `);
  }
  await guest.output(sequence + 1, "");
  await guest.exit(sequence, 42);
  assertEquals(await result, { kind: "exited", code: 42 });
  assertEquals(stdout.bytes, bytes);
  const marks = Array.from({ length: Math.ceil(bytes.length / 3001) }, (_, at) => `${at * 3001} `);
  assertEquals(stderr.text, marks.join(""));
});

Deno.test("outputs that share a place keep their order", async () => {
  await using scene = await Scene.set();
  const both = new Sink();
  const { result, sequence } = await scene.serve({ stdout: both, stderr: both });
  const words = Array.from({ length: 300 }, (_, at) => `${at},`);
  for (const [at, word] of words.entries()) {
    await scene.stage.guest.output(sequence + at % 2, word);
  }
  await scene.stage.guest.exit(sequence, 0);
  await result;
  assertEquals(both.text, words.join(""));
});

Deno.test("stdin arrives whole, then its end", async () => {
  await using scene = await Scene.set();
  const text = "0123456789".repeat(70_000);
  const { result, sequence } = await scene.serve({ interactive: true, stdin: source(text) });
  const { guest } = scene.stage;
  await guest.until(() => guest.stdin.get(sequence)?.endsWith("<EOF>") === true);
  assertEquals(guest.stdin.get(sequence), `${text}<EOF>`);
  await guest.exit(sequence, 0);
  await result;
});

Deno.test("a process that gets no stdin finds its end at once", async () => {
  await using scene = await Scene.set();
  const { result, sequence } = await scene.serve({ stdin: source("never read") });
  const { guest } = scene.stage;
  await guest.until(() => guest.stdin.has(sequence));
  assertEquals(guest.stdin.get(sequence), "<EOF>");
  await guest.exit(sequence, 0);
  await result;
});

Deno.test("when nobody reads stdout, stderr goes on and the process is told by SIGPIPE", async () => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const stdout = new Sink();
  stdout.before = () => {
    throw new Deno.errors.BrokenPipe();
  };
  const { result, stderr, sequence } = await scene.serve({ stdout });
  await guest.output(sequence, "lost");
  await guest.until(() => guest.commands.some(({ text }) => /"signal":13\b/.test(text)));
  await guest.output(sequence, "lost too");
  await guest.output(sequence + 1, "kept");
  await guest.exit(sequence, 3);
  assertEquals(await result, { kind: "exited", code: 3 });
  assertEquals([stdout.text, stderr.text], ["", "kept"]);
});

Deno.test("output that a full disk does not take is a failure, whatever the process says", async () => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const stdout = new Sink();
  stdout.before = () => {
    throw new Error("No space left on device (os error 28)");
  };
  const { result, sequence } = await scene.serve({ stdout });
  await guest.output(sequence, "lost");
  await guest.until(() => guest.commands.some(({ text }) => /"signal":13\b/.test(text)));
  await guest.exit(sequence, 0);
  assertEquals(await result, { kind: "exited", code: 125 });
});

Deno.test("a signal resolves when the guest has it, and fails with the proxy's text", async () => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const { shim, result, sequence } = await scene.serve();
  await shim.signal(15);
  assertEquals(JSON.parse(guest.commands.at(-1)!.text).signal, 15);
  await assertRejects(() => shim.signal(40), ProxyError, "invalid signal number 40");
  await assertRejects(
    () => shim.signal(28, { columns: 80, rows: 0 }),
    ProxyError,
    "received SIGWINCH but terminal size is invalid (80,0)",
  );
  await shim.signal(28, { columns: 80, rows: 25 });
  assertEquals(JSON.parse(guest.commands.at(-1)!.text), { seq: sequence, row: 25, column: 80 });
  await guest.exit(sequence, 0);
  await result;
  await assertRejects(() => shim.signal(15), Error);
});

Deno.test("a signal to a process that ends meanwhile does not fail", async () => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const { shim, result, sequence } = await scene.serve();
  guest.script = (_, guest) => {
    guest.exit(sequence, 9);
    return [];
  };
  await shim.signal(9);
  assertEquals(await result, { kind: "exited", code: 9 });
});

Deno.test("the end of the VM, an unknown token and closing are told as a loss", async () => {
  await using scene = await Scene.set();
  const first = await scene.serve();
  first.shim.close();
  assertEquals((await first.result).kind, "lost");
  const second = await scene.serve();
  await scene.stage.guest.closeControl();
  await scene.stage.guest.closeStreams();
  assertEquals((await second.result).kind, "lost");
  await assertRejects(() => second.shim.signal(15), Error);
  const { url } = scene.stage;
  const streams = { interactive: false, terminal: false };
  const unknown = new Shim({ url, token: TOKEN, container: "c", ...streams });
  assertEquals(await unknown.run(), { kind: "lost", reason: `unknown token: ${TOKEN}` });
});

Deno.test("a shim that is closed at any moment of its start ends", async () => {
  await using scene = await Scene.set();
  const { url } = scene.stage;
  for (let moment = 0; moment < 40; moment++) {
    const token = await scene.stage.token(scene.runtime);
    const shim = new Shim({ url, token, container: "c", interactive: false, terminal: false });
    const result = shim.run();
    // The first moments are within the connection's making, the later ones within the proxy's answer.
    for (let turn = 0; turn < moment; turn++) await new Promise((resolve) => setImmediate(resolve));
    shim.close();
    assertEquals((await result).kind, "lost");
  }
});

Deno.test("a connection that is lost is made anew, and stdin and output go on with it", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/proxy.sock`;
  const listener = Deno.listen({ transport: "unix", path });
  const stdout = new Sink();
  const stdin = Promise.withResolvers<void>();
  let given = false;
  const shim = new Shim({
    url: `unix://${path}`,
    token: TOKEN,
    container: "c",
    interactive: true,
    terminal: false,
    reconnectTimeout: 5000,
    stdout,
    stdin: {
      read: async (into) => {
        await stdin.promise;
        if (given) return null;
        given = true;
        into.set([104, 105]);
        return 2;
      },
    },
  });
  const result = shim.run();
  const frames: string[] = [];
  for (const round of [1, 2]) {
    const connection = await listener.accept();
    const decoder = new ProxyDecoder();
    const buffer = new Uint8Array(4096);
    const next = async () => {
      for (;;) {
        const frame = decoder.next();
        if (frame) return frame;
        decoder.push(buffer.slice(0, (await connection.read(buffer))!));
      }
    };
    const claim = await next();
    assertEquals(JSON.parse(new TextDecoder().decode(claim.payload)).token, TOKEN);
    await connection.write(encodeProxyFrame(FrameType.response, Command.connectShim));
    await connection.write(encodeProxyFrame(FrameType.stream, 1, Uint8Array.of(48 + round)));
    if (round === 2) {
      stdin.resolve();
      for (const _ of [1, 2]) frames.push(new TextDecoder().decode((await next()).payload));
      await connection.write(encodeProxyFrame(FrameType.notification, 0, Uint8Array.of(5)));
      assertEquals((await next()).opcode, Command.disconnectShim);
    }
    connection.close();
  }
  assertEquals(await result, { kind: "exited", code: 5 });
  assertEquals([stdout.text, ...frames], ["12", "hi", ""]);
  listener.close();
  await Deno.remove(directory, { recursive: true });
});

Deno.test("output in frames that are cut anywhere is the same", async () => {
  const bytes = sample(3000);
  const stream = joined([
    ...[0, 1000, 2000].map((at) =>
      encodeProxyFrame(FrameType.stream, 1 + at / 1000 % 2, bytes.subarray(at, at + 1000))
    ),
    encodeProxyFrame(FrameType.notification, 0, Uint8Array.of(7)),
  ]);
  const directory = await Deno.makeTempDir();
  for (const cut of [1, 11, 500, 1013, 2500]) {
    const path = `${directory}/${cut}.sock`;
    const listener = Deno.listen({ transport: "unix", path });
    const stdout = new Sink(), stderr = new Sink();
    const streams = { interactive: false, terminal: false, stdout, stderr };
    const url = `unix://${path}`;
    const result = new Shim({ url, token: TOKEN, container: "c", ...streams }).run();
    const connection = await listener.accept();
    await connection.write(encodeProxyFrame(FrameType.response, Command.connectShim));
    for (let at = 0; at < stream.length; at += cut) {
      await connection.write(stream.slice(at, at + cut));
    }
    assertEquals(await result, { kind: "exited", code: 7 });
    assertEquals(stdout.bytes, joined([bytes.slice(0, 1000), bytes.slice(2000)]));
    assertEquals(stderr.bytes, bytes.slice(1000, 2000));
    connection.close();
    listener.close();
  }
  await Deno.remove(directory, { recursive: true });
});
