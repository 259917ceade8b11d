/** Who learns of the death of a part, and how: each in a process of its own, as in a pod. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { GoCode } from "../../../lib/hyperstart/mod.ts";
import { ProxyClient } from "../../../lib/proxy/mod.ts";
import { selfCommand } from "../../../lib/sys/mod.ts";
import { FakeGuest } from "../proxy/fake_guest.ts";

/** A death is to be told within a second; the rest of these milliseconds is for busy machines. */
const BOUND = 5000;
const SHIM_COUNT = 2;

/** A program of podvisor's own, and what it says. */
class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly output: Promise<{ code: number; stdout: string; stderr: string }>;

  constructor(args: string[]) {
    const [command, ...rest] = selfCommand(args);
    const streams = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    this.#child = new Deno.Command(command!, { args: rest, ...streams }).spawn();
    const decoder = new TextDecoder();
    this.output = this.#child.output().then(({ code, stdout, stderr }) => ({
      code,
      stdout: decoder.decode(stdout),
      stderr: decoder.decode(stderr),
    }));
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch {
      // It has ended.
    }
    await this.output;
  }
}

/** A proxy, shims whose processes run, and a client whose command the guest does not answer. */
class Pod implements AsyncDisposable {
  readonly #resources = new AsyncDisposableStack();
  readonly guest: FakeGuest;
  readonly proxy: Program;
  readonly shims: Program[] = [];
  readonly client: ProxyClient;

  private constructor(directory: string, guest: FakeGuest, proxy: Program, client: ProxyClient) {
    this.#resources.defer(() => Deno.remove(directory, { recursive: true }));
    this.guest = this.#resources.use(guest);
    this.proxy = this.#resources.use(proxy);
    this.client = this.#resources.use(client);
  }

  static async start(): Promise<Pod> {
    const directory = await Deno.makeTempDir();
    const url = `unix://${directory}/proxy.sock`;
    const guest = new FakeGuest(directory);
    const proxy = new Program(["proxy", "-uri", url]);
    const pod = new Pod(directory, guest, proxy, await ProxyClient.connect(url));
    const { tokens } = await pod.client.registerVM({
      containerId: "pod",
      ctlSerial: guest.control,
      ioSerial: guest.streams,
      numIOStreams: SHIM_COUNT,
    });
    for (const [at, token] of tokens.entries()) {
      const shim = new Program(["shim", "-c", `c${at}`, "-t", token, "-u", url]);
      pod.shims.push(pod.#resources.use(shim));
      await pod.client.hyper("newcontainer", [token], { id: `c${at}`, process: { args: ["x"] } });
    }
    return pod;
  }

  /** The failure of a command that the guest has got and does not answer. */
  async unanswered(): Promise<{ failure: Promise<Error> }> {
    const count = this.guest.commands.length;
    this.guest.script = () => [];
    const failure = assertRejects(() => this.client.hyper("ping", [], undefined), Error);
    await this.guest.until(() => this.guest.commands.length > count);
    return { failure };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** What comes of `events`, which must all be there in time. */
async function inTime<T>(events: Promise<T>[]): Promise<T[]> {
  const start = performance.now();
  const all = await Promise.all(events);
  const taken = performance.now() - start;
  assert(taken < BOUND, `it was told after ${Math.round(taken)} ms`);
  return all;
}

Deno.test("the death of a guest is told to shims and to the command that waits, for the guest's", async () => {
  await using pod = await Pod.start();
  const { failure } = await pod.unanswered();
  await pod.guest.output(3, "last words");
  const failed = failure.then(({ message }) => message);
  await pod.guest.closeControl();
  await pod.guest.closeStreams();
  const reason = "VM lost: the (control|stream) channel (closed|broke)";
  const [message] = await inTime([failed]);
  assertMatch(message!, new RegExp(reason));
  const [first, second] = await inTime(pod.shims.map((shim) => shim.output));
  assertEquals([first!.code, first!.stdout], [1, "last words"]);
  assertMatch(first!.stderr, new RegExp(`Cannot go on with container c0: ${reason}`));
  assertMatch(second!.stderr, new RegExp(`Cannot go on with container c1: ${reason}`));
});

Deno.test("a guest whose control channel alone is gone is dead, however much it says", async () => {
  await using pod = await Pod.start();
  const { guest } = pod;
  let over = false;
  const chatter = (async () => {
    while (!over) {
      await guest.output(3, "on and on ");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();
  await guest.closeControl();
  const [first, second] = await inTime(pod.shims.map((shim) => shim.output));
  over = true;
  await chatter;
  assertMatch(first!.stderr, /Cannot go on with container c0: VM lost: the control channel closed/);
  assertMatch(
    second!.stderr,
    /Cannot go on with container c1: VM lost: the control channel closed/,
  );
});

Deno.test("the death of a proxy is told to shims and to the command that waits, for the proxy's", async () => {
  await using pod = await Pod.start();
  const { failure } = await pod.unanswered();
  pod.proxy.kill();
  const [{ message }] = await inTime([failure]) as [Error];
  assertEquals(message, "Cannot complete Hyper ping at the proxy: it closed the connection");
  for (const { code, stderr } of await inTime(pod.shims.map((shim) => shim.output))) {
    assertEquals(code, 1);
    assertMatch(stderr, /Cannot go on with container c\d: the proxy closed the connection/);
  }
});

Deno.test("the death of a shim is its process's, and nobody else's", async () => {
  await using pod = await Pod.start();
  const { guest, client } = pod;
  const kills = () =>
    guest.commands.filter(({ code }) => code === GoCode.KILLCONTAINER).map(({ text }) =>
      JSON.parse(text)
    );
  pod.shims[0]!.kill();
  await inTime([guest.until(() => kills().length > 0)]);
  assertEquals(kills(), [{ container: "c0", signal: 9, allProcesses: false }]);
  // Nobody takes what it still says, and the guest is not held up by it.
  for (let at = 0; at < 300; at++) await guest.output(3, "x".repeat(10_000));
  await guest.exit(3, 137);
  await guest.output(5, "alive");
  await guest.exit(5, 0);
  const { code, stdout } = await pod.shims[1]!.output;
  assertEquals([code, stdout], [0, "alive"]);
  assertEquals((await client.hyper("ping", [], undefined)).length, 0);
});
