import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  CCode,
  CONTAINER_COUNTERS_CODE,
  ControlDecoder,
  DELETE_ROUTE_CODE,
  encodeControlFrame,
  encodeGrants,
  encodeStreamFrame,
  FREEZE_CONTAINER_CODE,
  GoCode,
  MOVE_CLOCK_CODE,
  RELEASE_CONTAINER_CODE,
  UPDATE_CONTAINER_CODE,
} from "../../../../lib/hyperstart/mod.ts";
import { Engine } from "../../../../lib/guest/agent/engine.ts";
import { captures } from "../../captures.ts";
import { concat, randomBytes, randomPieces, seeded } from "../../generated.ts";
import { FakeRuntime } from "./fake_runtime.ts";

interface Reply {
  code: number;
  text: string;
}

class Session {
  readonly runtime = new FakeRuntime();
  readonly replies: Reply[] = [];
  readonly warnings: string[] = [];
  /** What waits for time to pass; nothing does by itself. */
  readonly pauses: (() => void)[] = [];
  readonly engine: Engine;

  constructor() {
    const decoder = new ControlDecoder();
    this.engine = new Engine({
      runtime: this.runtime,
      warn: (text) => this.warnings.push(text),
      pause: () => new Promise((resolve) => this.pauses.push(resolve)),
      reply: (frame) => {
        decoder.push(frame);
        const { code, payload } = decoder.next()!;
        this.replies.push({ code, text: new TextDecoder().decode(payload) });
      },
    });
  }

  async command(code: number, message?: unknown): Promise<string> {
    const before = this.replies.length;
    await this.engine.receiveControl(frame(code, message));
    assertEquals(this.replies.length, before + 1, "one command, one reply");
    const { code: answer, text } = this.replies.at(-1)!;
    return `${answer === GoCode.ACK ? "ACK" : "ERROR"} ${text}`.trim();
  }

  start(pod = {}): Promise<string> {
    return this.command(GoCode.STARTPOD, { hostname: "pod", shareDir: "share", ...pod });
  }

  container(id: string, stdio: number, process = {}): Promise<string> {
    const args = { args: ["/bin/cat"], stdio, stderr: stdio + 1, ...process };
    return this.command(GoCode.NEWCONTAINER, { id, image: id, rootfs: "rootfs", process: args });
  }

  exec(container: string, stdio: number, process = {}): Promise<string> {
    const args = { args: ["/bin/cat"], stdio, stderr: stdio + 1, ...process };
    return this.command(GoCode.EXECCMD, { container, process: args });
  }

  input(sequence: number, text?: string): Promise<void> | undefined {
    return this.engine.receiveStream(
      encodeStreamFrame(sequence, text === undefined ? undefined : new TextEncoder().encode(text)),
    );
  }
}

function frame(code: number, message?: unknown): Uint8Array {
  const text = message === undefined ? "" : JSON.stringify(message);
  return encodeControlFrame(code, new TextEncoder().encode(text));
}

async function running(): Promise<Session> {
  const session = new Session();
  assertEquals(await session.start(), "ACK");
  assertEquals(await session.container("a", 3), "ACK");
  return session;
}

Deno.test("PING and READY are acknowledged, GETVERSION and unknown codes refused", async () => {
  const session = new Session();
  assertEquals(await session.command(GoCode.PING), "ACK");
  assertEquals(await session.command(GoCode.READY), "ACK");
  for (const code of [GoCode.GETVERSION, GoCode.WRITEFILE, CCode.DELETEINTERFACE, 200, 2 ** 31]) {
    assertEquals(await session.command(code), `ERROR No callback found for command ""`);
  }
});

Deno.test("a pod starts once", async () => {
  const session = new Session();
  assertEquals(
    await session.container("a", 3),
    "ERROR Pod not started, impossible to run a new container",
  );
  assertEquals(await session.start(), "ACK");
  assertEquals(await session.start(), "ERROR Pod already started, impossible to start again");
});

Deno.test("a pod that could not be started can be started again", async () => {
  const session = new Session();
  session.runtime.failure = new Error("no such share");
  assertEquals(await session.start(), "ERROR no such share");
  assertEquals(await session.start(), "ACK");
});

Deno.test("the identifier of a container that could not be started is free again", async () => {
  const session = await running();
  const failed = await session.container("b", 5, { args: ["/bin/nosuch"] });
  assertEquals(failed, "ERROR Process could not be started: x (ENOENT)");
  assertEquals(await session.container("b", 5), "ACK");
  assertEquals(
    await session.container("b", 7),
    "ERROR Container b already exists, impossible to create",
  );
});

Deno.test("commands for an unknown container are refused by name", async () => {
  const session = await running();
  const container = "z";
  const refused = "ERROR Container z not found, impossible to";
  assertEquals(await session.exec("z", 17), `${refused} execute process 17`);
  assertEquals(await session.exec("z", 17, { id: "p" }), `${refused} execute process p`);
  assertEquals(
    await session.command(GoCode.KILLCONTAINER, { container, signal: 9 }),
    `${refused} signal`,
  );
  assertEquals(await session.command(GoCode.REMOVECONTAINER, { container }), `${refused} remove`);
  assertEquals(
    await session.command(GoCode.PSCONTAINER, { container, format: "json" }),
    `${refused} list processes`,
  );
});

Deno.test("input reaches the process of its sequence, and nobody else", async () => {
  const session = await running();
  await session.exec("a", 5);
  session.input(3, "one");
  session.input(5, "two");
  session.input(99, "nobody");
  session.input(3);
  const [init, other] = session.runtime.processes;
  assertEquals([init!.written, other!.written], [["one", "<end>"], ["two"]]);
});

Deno.test("grants of output reach the process of their sequence", async () => {
  const session = await running();
  await session.exec("a", 5);
  session.engine.receiveStream(
    encodeGrants([{ sequence: 3, bytes: 10 }, { sequence: 6, bytes: 20 }, {
      sequence: 9,
      bytes: 1,
    }]),
  );
  // Half a grant is none.
  session.engine.receiveStream(encodeStreamFrame(0, new Uint8Array(11)));
  const [init, other] = session.runtime.processes;
  assertEquals([init!.grants, other!.grants], [[[3, 10]], [[6, 20]]]);
});

Deno.test("a process with too much waiting input stops the stream until it has room", async () => {
  const session = await running();
  assertEquals(session.input(3, "fits"), undefined);
  session.runtime.processes[0]!.inputFull = true;
  const waiting = session.input(3, "too much");
  assert(waiting instanceof Promise);
  session.runtime.processes[0]!.makeRoom();
  await waiting;
});

Deno.test("a sequence is free as soon as the host can know the status", async () => {
  const session = await running();
  const taken = "ERROR Sequence number 5 already registered";
  assertEquals(await session.exec("a", 5), "ACK");
  assertEquals(await session.exec("a", 5), taken);
  assertEquals(await session.exec("a", 7, { stderr: 5 }), taken);
  assertEquals(
    await session.exec("a", 9, { stderr: 9 }),
    "ERROR Sequence number 9 already registered",
  );
  assertEquals(await session.container("b", 5), taken);
  session.runtime.processes[1]!.finish(0);
  assertEquals(await session.exec("a", 5), "ACK");
});

Deno.test("a terminal's stderr counts for nothing", async () => {
  const session = await running();
  assertEquals(await session.exec("a", 5, { terminal: true, stderr: 3 }), "ACK");
});

Deno.test("a window size reaches the terminal of its sequence; others are acknowledged", async () => {
  const session = await running();
  assertEquals(await session.command(GoCode.WINSIZE, { seq: 3, row: 33, column: 99 }), "ACK");
  assertEquals(await session.command(GoCode.WINSIZE, { seq: 77, row: 1, column: 1 }), "ACK");
  assertEquals(session.runtime.processes[0]!.size, [33, 99]);
});

Deno.test("signals go to the first process, to all, or to the one of a sequence", async () => {
  const session = await running();
  await session.exec("a", 5);
  const [init, other] = session.runtime.processes;
  init!.mortal = other!.mortal = false;
  const kill = (signal: number, allProcesses: boolean) =>
    session.command(GoCode.KILLCONTAINER, { container: "a", signal, allProcesses });
  await kill(1, false);
  await kill(2, true);
  await session.command(CCode.SIGNALPROCESS, { seq: 5, signal: 15 });
  assertEquals([init!.signals, other!.signals], [[1, 2], [2, 15]]);
  init!.finish(0);
  assertEquals(await kill(9, true), "ACK");
  assertEquals(other!.signals, [2, 15]);
});

Deno.test("a container whose first process has ended takes no further ones", async () => {
  const session = await running();
  session.runtime.processes[0]!.finish(0);
  assertEquals(
    await session.exec("a", 5),
    "ERROR Container a not running, impossible to execute process 5",
  );
});

Deno.test("a running container is not removed, an ended one once", async () => {
  const session = await running();
  const remove = () => session.command(GoCode.REMOVECONTAINER, { container: "a" });
  assertEquals(await remove(), "ERROR Container a running, impossible to remove");
  session.runtime.processes[0]!.finish(0);
  assertEquals(await remove(), "ACK");
  assertEquals(await remove(), "ERROR Container a not found, impossible to remove");
  assertEquals(session.runtime.log, ["start pod pod", "remove a"]);
});

Deno.test("processes are listed as numbers or as a table", async () => {
  const session = await running();
  await session.exec("a", 5);
  const list = (format: string, psargs: string[] = []) =>
    session.command(GoCode.PSCONTAINER, { container: "a", format, psargs });
  assertEquals(await list("json"), "ACK [100,101]");
  assertEquals(await list("table", ["-o", "pid"]), "ACK table of 100,101 with -o,pid");
  assertEquals(
    await list("files"),
    'ACK {"uptime":0,"processes":[{"stat":"100","status":"","cmdline":""},' +
      '{"stat":"101","status":"","cmdline":""}]}',
  );
  assertEquals(await list("xml"), "ERROR invalid format option");
  session.runtime.processes.forEach((each) => each.finish(0));
  assertEquals(
    await list("json"),
    "ERROR Container a is not running, impossible to list processes",
  );
});

Deno.test("destroying the pod ends what runs, gently first, and the guest stays", async () => {
  const session = await running();
  await session.container("b", 5);
  const [obedient, stubborn] = session.runtime.processes;
  stubborn!.mortal = false;
  const destroyed = session.command(GoCode.DESTROYPOD);
  await Promise.resolve();
  assertEquals([obedient!.signals, stubborn!.signals], [[15], [15]]);
  session.pauses.shift()!();
  assertEquals(await destroyed, "ACK");
  assertEquals(stubborn!.signals, [15, 9]);
  assertEquals(session.runtime.log.slice(1), ["remove a", "remove b", "stop pod"]);
  assertEquals(await session.command(GoCode.DESTROYPOD), "ACK");
  assertEquals(await session.start(), "ACK");
});

Deno.test("output that the host never takes does not hold up the end of the pod: all of it is waited for once", async () => {
  const session = await running();
  await session.container("b", 5);
  for (const process of session.runtime.processes) process.signal = () => {};
  const destroyed = session.command(GoCode.DESTROYPOD);
  for (let limit = 0; limit < 2; limit++) {
    while (session.pauses.length === 0) await Promise.resolve();
    session.pauses.shift()!();
  }
  assertEquals(await destroyed, "ACK");
  assertEquals(session.runtime.processes.map(({ discarded }) => discarded), [true, true]);
});

Deno.test("network and resources can be changed in a running guest", async () => {
  const session = await running();
  await session.command(GoCode.SETUPINTERFACE, { device: "eth0" });
  await session.command(GoCode.SETUPROUTE, { routes: [{ dest: "default" }] });
  await session.command(GoCode.ONLINECPUMEM);
  assertEquals(session.runtime.log.slice(1), ["interface eth0", "routes default", "online 0 0"]);
});

Deno.test("the clock is moved, and read by those who set it", async () => {
  const session = await running();
  const answer = await session.command(MOVE_CLOCK_CODE, { offset: -5000 });
  assertMatch(answer, /^ACK {"asked":\d{16},"clock":\d{16}}$/);
  assertEquals(session.runtime.log.at(-1), "move clock by -5000");
});

Deno.test("a start is answered with the clock for hosts that set it, and as ever for others", async () => {
  assertEquals(await new Session().start(), "ACK");
  const answer = await new Session().start({ entropy: "00" });
  assertMatch(answer, /^ACK {"asked":\d{16},"clock":\d{16}}$/);
});

Deno.test("commands that arrive at once are answered in order, however they are cut", async () => {
  const commands = concat([
    frame(GoCode.STARTPOD, { hostname: "pod", shareDir: "share" }),
    frame(200),
    frame(GoCode.NEWCONTAINER, { id: "a", process: { args: ["/bin/cat"], stdio: 3 } }),
    frame(GoCode.PING),
    frame(GoCode.NEWCONTAINER, { id: "a", process: { args: ["/bin/cat"], stdio: 5 } }),
    frame(GoCode.PSCONTAINER, { container: "a", format: "json" }),
  ]);
  const expected = "9,10,9,9,10,9";
  for (const size of [1, 3, 7, 8, 9, commands.length]) {
    const session = new Session();
    for (let at = 0; at < commands.length; at += size) {
      await session.engine.receiveControl(commands.slice(at, at + size));
    }
    assertEquals(session.replies.map(({ code }) => code).join(), expected, `pieces of ${size}`);
  }
});

Deno.test("malformed messages are refused with a reason, and the guest goes on", async () => {
  const session = await running();
  for (const code of [6, 11, 17, 18, 22, 23, 24]) {
    for (const message of [undefined, null, 7, [], { container: 5 }, { id: {} }, { seq: "x" }]) {
      assertMatch(await session.command(code, message), /^(ERROR .|ACK$)/);
    }
    await session.engine.receiveControl(encodeControlFrame(code, Uint8Array.of(0xff, 0x7b)));
    assertEquals(session.replies.at(-1)!.code, GoCode.ERROR);
  }
  assertEquals(await session.exec("a", 5), "ACK");
});

Deno.test("a frame of impossible length is answered, and the next one understood", async () => {
  const session = await running();
  for (const length of [0, 7, 0xffffffff]) {
    const header = new DataView(new ArrayBuffer(8));
    header.setUint32(0, GoCode.PING);
    header.setUint32(4, length);
    await session.engine.receiveControl(new Uint8Array(header.buffer));
    assertMatch(session.replies.at(-1)!.text, /^Cannot read a (control )?frame/);
    assertEquals(await session.command(GoCode.PING), "ACK");
  }
  assertEquals(session.warnings.length, 3);
});

Deno.test("garbage on either channel ends nothing", async () => {
  const random = seeded(7);
  for (let round = 0; round < 50; round++) {
    const session = await running();
    for (const piece of randomPieces(random, randomBytes(random, 4000), 500)) {
      await session.engine.receiveControl(piece);
      session.engine.receiveStream(piece);
    }
    assertEquals(session.runtime.processes.length, 1);
  }
});

Deno.test("a recorded host gets the answers that the original agent gave", async () => {
  for (const { name, bytes } of captures(/^step2-cc-agent\.ctl\.host-to-peer\.bin$/)) {
    const session = new Session();
    await session.engine.receiveControl(bytes);
    const [answers] = captures(/^step2-cc-agent\.ctl\.peer-to-host\.bin$/);
    const expected = read(answers!.bytes).slice(1);
    assertEquals(session.replies.length, expected.length, name);
    session.replies.forEach(({ code, text }, at) => {
      const original = expected[at]!;
      // Recorded on a kernel without network, and with the original's own words for a missing program.
      if (/network/.test(original.text)) return;
      assertEquals(code, original.code, `answer ${at} of ${name}: ${original.text}`);
      if (code === GoCode.ERROR && !/could not be started/.test(original.text)) {
        assertEquals(text, original.text);
      }
    });
  }
});

function read(bytes: Uint8Array): Reply[] {
  const decoder = new ControlDecoder();
  decoder.push(bytes);
  const replies: Reply[] = [];
  for (let each; (each = decoder.next());) {
    replies.push({ code: each.code, text: new TextDecoder().decode(each.payload) });
  }
  return replies;
}

Deno.test("a container's limits can be set anew, by a code that the originals do not have", async () => {
  const session = await running();
  const update = (container: string) =>
    session.command(UPDATE_CONTAINER_CODE, { container, constraints: { MemoryLimit: 4096 } });
  assertEquals(await update("a"), "ACK");
  assertEquals(session.runtime.log.at(-1), "limit a to 4096");
  assertEquals(await update("nobody"), "ERROR Container nobody not found, impossible to update");
});

Deno.test("a container can be made to stand still, and tells what it has used", async () => {
  const session = await running();
  const freeze = (frozen: boolean) =>
    session.command(FREEZE_CONTAINER_CODE, { container: "a", frozen });
  assertEquals([await freeze(true), await freeze(false)], ["ACK", "ACK"]);
  assertEquals(session.runtime.log.slice(-2), ["freeze a", "thaw a"]);
  const counters = await session.command(CONTAINER_COUNTERS_CODE, { container: "a" });
  assertEquals(counters, `ACK {"pids.current":"3\\n"}`);
});

Deno.test("routes can be deleted, by a code that the originals do not have", async () => {
  const session = await running();
  const routes = [{ dest: "10.0.0.0/8", device: "eth0" }];
  assertEquals(await session.command(GoCode.SETUPROUTE, { routes }), "ACK");
  assertEquals(await session.command(DELETE_ROUTE_CODE, { routes }), "ACK");
  assertEquals(session.runtime.log.slice(-2), ["routes 10.0.0.0/8", "no routes 10.0.0.0/8"]);
});

Deno.test("every code has exactly one answer, whatever its payload", async () => {
  const session = await running();
  for (const code of [...Array(70).keys(), 255, 65_535, 2 ** 32 - 1]) {
    for (const message of [undefined, {}, null, [], "x", { container: "a", seq: 3, signal: 1 }]) {
      const answer = session.command(code, message);
      // The end of a pod waits for its processes.
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
      for (const go of session.pauses.splice(0)) go();
      assertMatch(await answer, /^(ACK|ERROR)/);
    }
  }
  assertEquals(await session.command(GoCode.PING), "ACK");
});

Deno.test("a held container goes on when it is released, once", async () => {
  const session = await running();
  const held = { id: "h", image: "h", rootfs: "rootfs", held: true };
  const process = { args: ["/bin/cat"], stdio: 7, stderr: 8 };
  assertEquals(await session.command(GoCode.NEWCONTAINER, { ...held, process }), "ACK");
  assert(!session.runtime.log.includes("release h"));
  const release = (container: string) => session.command(RELEASE_CONTAINER_CODE, { container });
  assertEquals(await release("h"), "ACK");
  assertEquals(session.runtime.log.filter((each) => each === "release h").length, 1);
  assertEquals(await release("h"), "ERROR h runs");
  assertEquals(await release("a"), "ERROR a runs");
  assertEquals(await release("z"), "ERROR Container z not found, impossible to start");
  assertMatch(await session.command(RELEASE_CONTAINER_CODE, { container: 1 }), /^ERROR /);
  assertMatch(await session.command(RELEASE_CONTAINER_CODE), /^ERROR /);
});

Deno.test("a held container can be joined, killed and removed before it is released", async () => {
  const session = await running();
  const container = "h";
  const process = { args: ["/bin/cat"], stdio: 7, stderr: 8 };
  const make = { id: container, image: "h", rootfs: "rootfs", held: true, process };
  assertEquals(await session.command(GoCode.NEWCONTAINER, make), "ACK");
  assertEquals(await session.exec(container, 9), "ACK");
  assertMatch(
    await session.command(GoCode.REMOVECONTAINER, { container }),
    /running, impossible to remove/,
  );
  const kill = { container, signal: 9, allProcesses: true };
  assertEquals(await session.command(GoCode.KILLCONTAINER, kill), "ACK");
  assertEquals(await session.command(RELEASE_CONTAINER_CODE, { container }), "ERROR h has ended");
  assertEquals(await session.command(GoCode.REMOVECONTAINER, { container }), "ACK");
  assertEquals(await session.command(GoCode.NEWCONTAINER, make), "ACK");
});
