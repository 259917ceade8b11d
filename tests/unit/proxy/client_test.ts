import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Logger } from "../../../lib/log.ts";
import {
  connectWithRetry,
  parseProxyUrl,
  ProxyClient,
  ProxyError,
  TimeoutError,
} from "../../../lib/proxy/mod.ts";
import { GoCode } from "../../../lib/hyperstart/mod.ts";
import { reply } from "./fake_guest.ts";
import { Stage } from "./stage.ts";

/** A logger that keeps what it is told. */
function recorder(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (message: string, fields = {}) =>
    void lines.push(`${level} ${message} ${Object.keys(fields).join(",")}`);
  const logger: Logger = {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    with: () => logger,
  };
  return { logger, lines };
}

Deno.test("proxy URLs are read, and refused with the reason", () => {
  assertEquals(parseProxyUrl("unix:///run/a b%20.sock"), {
    transport: "unix",
    path: "/run/a b%20.sock",
  });
  assertEquals(parseProxyUrl("tcp://[::1]:80"), { transport: "tcp", hostname: "::1", port: 80 });
  for (
    const [url, message] of [
      ["", "URL scheme cannot be empty"],
      ["/run/proxy.sock", "URL scheme cannot be empty"],
      ["unix://", "URL host and path cannot be empty"],
      ["unix:", "URL host and path cannot be empty"],
      ["unix://relative/x", "its path is not absolute"],
      ["tcp://host", "not of the form tcp://host:port"],
      ["tcp://host:0", "not of the form tcp://host:port"],
      ["http://host:1", "its scheme is neither unix nor tcp"],
    ] as const
  ) {
    assertThrows(() => parseProxyUrl(url), TypeError, message);
  }
});

Deno.test("connecting waits for a proxy that is not there yet, and says at which attempt it was", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/late.sock`;
  const { logger, lines } = recorder();
  const connecting = connectWithRetry(`unix://${path}`, { logger });
  await new Promise((resolve) => setTimeout(resolve, 5));
  using _listener = Deno.listen({ transport: "unix", path });
  (await connecting).close();
  assertEquals(lines, ["info Connected to proxy attempt,proxy-network,proxy-address"]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("connecting gives up after its time with the seed's words", async () => {
  const error = await assertRejects(() =>
    connectWithRetry("unix:///nonexistent/x.sock", { timeout: 20 })
  );
  assert((error as Error).message.startsWith("failed to connect to proxy after 0.02s: "));
});

Deno.test("connecting fails at once where waiting cannot help", async () => {
  const long = `unix:///${"x".repeat(200)}`;
  const error = await assertRejects(() => connectWithRetry(long)) as Error;
  assert(error.message.startsWith(`Cannot connect to the proxy at ${long}`));
});

Deno.test("connecting ends with the signal's reason", async () => {
  const abort = new AbortController();
  const connecting = connectWithRetry("unix:///nonexistent/x.sock", { signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => connecting, Error, "enough");
});

Deno.test("the client registers, attaches, sends and unregisters", async () => {
  await using stage = new Stage();
  stage.guest.script = ({ text }) => [reply(GoCode.ACK, `got ${text}`)];
  using client = await ProxyClient.connect(stage.url);
  const vm = { containerId: "pod", ctlSerial: stage.guest.control, ioSerial: stage.guest.streams };
  assertEquals(await client.registerVM(vm), { url: stage.url, tokens: [] });
  const { tokens } = await client.attachVM({ containerId: "pod", numIOStreams: 2 });
  assertEquals(tokens.length, 2);
  const answer = await client.hyper("startpod", [], { hostname: "h" });
  assertEquals(new TextDecoder().decode(answer), 'got {"hostname":"h"}');
  assertEquals(new TextDecoder().decode(await client.hyper("ping", [], undefined)), "got ");
  await client.unregisterVM("pod");
});

Deno.test("a VM that has waited is handed over once, with its socket", async () => {
  const { stage } = await Stage.registered();
  await using _ = stage;
  stage.guest.script = ({ text }) => [reply(GoCode.ACK, text)];
  const path = stage.url.slice("unix://".length);
  const moved = `${path}.moved`;
  await Deno.rename(path, moved);
  const url = `unix://${moved}`;
  using client = await ProxyClient.connect(url);
  const take = (containerId: string, url: string, formerId = "pod") =>
    client.attachVM({ containerId, spare: { formerId, url } });
  await assertRejects(() => take("web", "tcp://host:1"), ProxyError, "only Unix sockets");
  await assertRejects(() => take("", url), ProxyError, "container already registered");
  assertEquals((await take("web", url)).url, url);
  await assertRejects(() => take("other", url), ProxyError, "unknown containerID: pod");
  await assertRejects(() => take("web", url, "web"), ProxyError, "container already registered");
  await assertRejects(() => client.attachVM({ containerId: "pod" }), ProxyError, "unknown");
  const answer = await client.hyper("startpod", [], 1);
  assertEquals(new TextDecoder().decode(answer), "1");
  await client.unregisterVM("web");
  await assertRejects(() => Deno.lstat(moved), Deno.errors.NotFound);
});

Deno.test("overlapping commands of one client each get their own answer", async () => {
  const { stage } = await Stage.registered();
  await using _ = stage;
  stage.guest.script = ({ text }) => [reply(GoCode.ACK, text)];
  using client = await ProxyClient.connect(stage.url);
  await client.attachVM({ containerId: "pod" });
  const answers = await Promise.all([1, 2, 3].map((n) => client.hyper("startpod", [], n)));
  assertEquals(answers.map((each) => new TextDecoder().decode(each)), ["1", "2", "3"]);
});

Deno.test("a refusal is a ProxyError with the proxy's words, and the client goes on", async () => {
  await using stage = new Stage();
  using client = await ProxyClient.connect(stage.url);
  const nope = () => client.attachVM({ containerId: "nope" });
  await assertRejects(nope, ProxyError, "unknown containerID: nope");
  await assertRejects(nope, ProxyError, "unknown containerID: nope");
});

Deno.test("a command without an answer in time closes the client", async () => {
  const { stage } = await Stage.registered();
  await using _ = stage;
  stage.guest.script = () => [];
  using client = await ProxyClient.connect(stage.url);
  await client.attachVM({ containerId: "pod" });
  await assertRejects(
    () => client.hyper("ping", [], undefined, { timeout: 10 }),
    TimeoutError,
    "Cannot complete Hyper ping: no answer from the proxy in 0.01 s",
  );
  await assertRejects(
    () => client.hyper("ping", [], undefined),
    Error,
    "an earlier command had no answer",
  );
  await stage.guest.closeStreams();
});

Deno.test("an aborted command closes the client with the signal's reason", async () => {
  const { stage } = await Stage.registered();
  await using _ = stage;
  stage.guest.script = () => [];
  using client = await ProxyClient.connect(stage.url);
  await client.attachVM({ containerId: "pod" });
  const abort = new AbortController();
  const sending = client.hyper("ping", [], undefined, { signal: abort.signal });
  await stage.guest.until(() => stage.guest.commands.length === 1);
  abort.abort(new Error("enough"));
  await assertRejects(() => sending, Error, "enough");
  await stage.guest.closeStreams();
});

Deno.test("a proxy that goes away fails the command that waits", async () => {
  const { stage } = await Stage.registered();
  stage.guest.script = () => [];
  using client = await ProxyClient.connect(stage.url);
  await client.attachVM({ containerId: "pod" });
  const sending = client.hyper("ping", [], undefined);
  sending.catch(() => {});
  await stage.guest.until(() => stage.guest.commands.length === 1);
  await stage[Symbol.asyncDispose]();
  await assertRejects(() => sending, Error, "Cannot complete Hyper ping at the proxy");
});
