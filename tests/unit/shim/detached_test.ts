import { assert, assertEquals, assertMatch } from "@std/assert";
import { Command, encodeProxyFrame, FrameType, isToken } from "../../../lib/proxy/mod.ts";
import { serveDetached } from "../../../lib/shim/detached.ts";
import {
  attach,
  type AttachOptions,
  hostShim,
  type HostShimOptions,
  readLog,
  type ShimResult,
} from "../../../lib/shim/mod.ts";
import { makeLifePipe, openLifePipe, signalProcess, waitForEnd } from "../../../lib/sys/mod.ts";
import { RawClient } from "../proxy/raw_client.ts";
import { joined, sample, Scene, Sink, source, until } from "./scene.ts";

// The library of system calls stays open: it is loaded before a test could be blamed for it.
signalProcess(Deno.pid, 0);

/** Who has the streams of a process in the background. */
const PLACES = ["a process of its own", "the proxy"] as const;
type Place = typeof PLACES[number];

function test(name: string, fn: (place: Place) => Promise<void>): void {
  for (const place of PLACES) Deno.test(`${name}, served by ${place}`, () => fn(place));
}

/** A process in the background. */
async function background(scene: Scene, place: Place, interactive = true) {
  const { stage, runtime } = scene;
  const token = await stage.token(runtime);
  assert(isToken(token));
  const files = {
    log: `${stage.directory}/log`,
    exit: `${stage.directory}/exit.json`,
    attach: `${stage.directory}/attach.sock`,
  };
  const options = { container: "c", url: stage.url, token, interactive, ...files };
  const { result } = place === "the proxy"
    ? await hosted({ ...options, pod: "pod", life: `${stage.directory}/life` })
    : { result: serveDetached({ ...options, reconnectTimeout: 200 }) };
  const sequence = await scene.startProcess(token);
  const join = async (options: Partial<AttachOptions> = {}) => {
    const stdout = new Sink(), stderr = new Sink();
    const attached = Promise.withResolvers<(signal: number) => Promise<void>>();
    const result = attach({
      socket: files.attach,
      interactive: false,
      terminal: false,
      stdout,
      stderr,
      onAttached: attached.resolve,
      ...options,
    });
    return { result, stdout, stderr, signal: await attached.promise };
  };
  return { ...files, result, sequence, join };
}

/** What comes of a process that the proxy serves, as far as others can see. */
async function hosted(options: HostShimOptions): Promise<{ result: Promise<ShimResult> }> {
  makeLifePipe(options.life);
  const shim = await hostShim(options);
  await shim.keep();
  const ended = async (): Promise<ShimResult> => {
    using life = openLifePipe(options.life);
    await waitForEnd(life!);
    if (!existing(options.exit)) return { kind: "lost", reason: "VM lost: the control channel" };
    return { kind: "exited", code: JSON.parse(await Deno.readTextFile(options.exit)).code };
  };
  return { result: ended() };
}

test("a background process's output goes to its log, and its exit status to a file of its owner's", async (place) => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const { log, exit, attach, result, sequence } = await background(scene, place);
  assertEquals(Deno.statSync(attach).mode! & 0o777, 0o600);
  const bytes = sample(100_000);
  await guest.output(sequence, bytes.subarray(0, 30_000));
  await guest.output(sequence, bytes.subarray(30_000, 60_000));
  await guest.output(sequence + 1, "oops");
  await guest.output(sequence, bytes.subarray(60_000));
  await guest.exit(sequence, 12);
  assertEquals(await result, { kind: "exited", code: 12 });
  const entries = await Array.fromAsync(readLog(log));
  const of = (name: string) =>
    joined(entries.filter(({ stream }) => stream === name).map(({ text }) => text));
  assertEquals(of("stdout"), bytes);
  assertEquals(of("stderr"), new TextEncoder().encode("oops"));
  const { code, finished } = JSON.parse(await Deno.readTextFile(exit));
  assertEquals(code, 12);
  assertMatch(finished, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assertEquals(Deno.statSync(exit).mode! & 0o777, 0o600);
  const names = [...Deno.readDirSync(scene.stage.directory)].map(({ name }) => name);
  assertEquals(names.filter((name) => /exit|attach/.test(name)), ["exit.json"]);
});

test("a process that is lost leaves no exit status", async (place) => {
  await using scene = await Scene.set();
  const { exit, result, join } = await background(scene, place);
  const client = await join();
  await scene.stage.guest.closeControl();
  await scene.stage.guest.closeStreams();
  for (const how of [await result, await client.result]) {
    assertMatch(how.kind === "lost" ? how.reason : "", /^VM lost: the (control|stream) channel/);
  }
  assertEquals(existing(exit), false);
});

test("two who attach get all output from then on and the exit code, and may feed stdin", async (place) => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const { result, sequence, join } = await background(scene, place);
  const first = await join({ interactive: true, stdin: source("from the first;") });
  await guest.until(() => guest.stdin.get(sequence) === "from the first;<EOF>");
  await guest.output(sequence, "one ");
  await until(() => first.stdout.text === "one ");
  const second = await join();
  await guest.output(sequence, "two ");
  await guest.output(sequence + 1, "three");
  await guest.exit(sequence, 6);
  for (const each of [result, first.result, second.result]) {
    assertEquals(await each, { kind: "exited", code: 6 });
  }
  assertEquals([first.stdout.text, first.stderr.text], ["one two ", "three"]);
  assertEquals([second.stdout.text, second.stderr.text], ["two ", "three"]);
});

test("who attaches without stdin, goes, or cannot write its output leaves the process alone", async (place) => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const { result, sequence, join, log } = await background(scene, place);
  const abort = new AbortController();
  const gone = await join({ signal: abort.signal });
  abort.abort();
  assertEquals((await gone.result).kind, "lost");
  const broken = await join();
  broken.stdout.before = () => {
    throw new Deno.errors.BrokenPipe();
  };
  const before = guest.commands.length;
  await guest.output(sequence, "a\n");
  await guest.output(sequence + 1, "b\n");
  await until(() => broken.stderr.text === "b\n");
  await guest.output(sequence, "c\n");
  await guest.exit(sequence, 0);
  assertEquals(await result, { kind: "exited", code: 0 });
  assertEquals(guest.stdin.get(sequence), undefined);
  assertEquals(guest.commands.length, before);
  assertEquals((await Array.fromAsync(readLog(log))).length, 3);
});

test("signals and sizes of who attached reach the process, refusals come back", async (place) => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const { result, sequence, join, attach } = await background(scene, place);
  const { signal, result: attached } = await join();
  await signal(10);
  assertEquals(JSON.parse(guest.commands.at(-1)!.text).signal, 10);
  using raw = await RawClient.connect(attach);
  assertMatch((await raw.command(Command.connectShim, { token: "x" }))!.kind, /^response 4$/);
  const size = { signalNumber: 28, columns: 100, rows: 30 };
  assertEquals((await raw.command(Command.signal, size))!.kind, "response 6");
  assertEquals(JSON.parse(guest.commands.at(-1)!.text), { seq: sequence, row: 30, column: 100 });
  assertEquals(await raw.command(Command.signal, { signalNumber: 99 }), {
    kind: "response 6 error",
    text: JSON.stringify({ msg: "invalid signal number 99" }),
  });
  assertMatch((await raw.command(Command.registerVM, {}))!.kind, /^response 0 error$/);
  await guest.exit(sequence, 1);
  await Promise.all([result, attached]);
});

test("who attached and does not read is sent away, and the process goes on", async (place) => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const { result, sequence, join, log, attach } = await background(scene, place);
  using slow = await RawClient.connect(attach);
  await slow.command(Command.connectShim, { token: "x" });
  const quick = await join();
  const piece = "x".repeat(9999) + "\n";
  for (let count = 0; count < 400; count++) await guest.output(sequence, piece);
  await guest.exit(sequence, 0);
  await result;
  await quick.result;
  assertEquals(quick.stdout.bytes.length, 4_000_000);
  const entries = await Array.fromAsync(readLog(log));
  assertEquals(entries.reduce((sum, { text }) => sum + text.length, 0), 4_000_000);
  let last;
  for (let frame; (frame = await slow.frame());) last = frame;
  assertEquals(last!.kind, "stream 1");
});

test("who attached to hold the process back gets everything, however late", async (place) => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const { result, sequence, log, join } = await background(scene, place);
  const stdout = new Sink();
  const reading = Promise.withResolvers<void>();
  stdout.before = () => reading.promise;
  const late = await join({ holdsBack: true, stdout });
  const sending = (async () => {
    const piece = "x".repeat(9999) + "\n";
    for (let count = 0; count < 400; count++) await guest.output(sequence, piece);
    await guest.exit(sequence, 7);
  })();
  // More than who is sent away may have waiting.
  await until(() => Deno.statSync(log).size > 1_000_000);
  reading.resolve();
  await sending;
  const ended = { kind: "exited", code: 7 } as const;
  assertEquals([await result, await late.result], [ended, ended]);
  assertEquals(stdout.bytes.length, 4_000_000);
});

test("who attached and breaks the protocol is sent away", async (place) => {
  await using scene = await Scene.set();
  const { result, sequence, attach } = await background(scene, place);
  const wrong = [
    new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n"),
    encodeProxyFrame(FrameType.stream, 1),
    encodeProxyFrame(FrameType.notification, 0),
    encodeProxyFrame(FrameType.stream, 0, new Uint8Array(40_000)),
  ];
  for (const bytes of wrong) {
    using raw = await RawClient.connect(attach);
    await raw.write(bytes);
    assertEquals(await raw.frame(), undefined);
  }
  await scene.stage.guest.exit(sequence, 4);
  assertEquals(await result, { kind: "exited", code: 4 });
});

function existing(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

test("a background process that is not interactive finds its stdin at its end", async (place) => {
  await using scene = await Scene.set();
  const { guest } = scene.stage;
  const ends: number[] = [];
  guest.onStdin = (sequence, payload) => {
    if (payload.length === 0) ends.push(sequence);
    return Promise.resolve();
  };
  const { result, sequence } = await background(scene, place, false);
  await until(() => ends.includes(sequence));
  await guest.exit(sequence, 0);
  assertEquals(await result, { kind: "exited", code: 0 });
});
