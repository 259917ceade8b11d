import { assertEquals } from "@std/assert";
import { GoCode } from "../../../lib/hyperstart/mod.ts";
import { Command, connectWithRetry, ProxyClient } from "../../../lib/proxy/mod.ts";
import { selfCommand } from "../../../lib/sys/mod.ts";
import { FakeGuest } from "../proxy/fake_guest.ts";
import { RawClient } from "../proxy/raw_client.ts";
import { Stage } from "../proxy/stage.ts";

function program(args: string[], stdin: "piped" | "null"): Deno.ChildProcess {
  const [command, ...rest] = selfCommand(args);
  return new Deno.Command(command!, { args: rest, stdin, stdout: "piped", stderr: "piped" })
    .spawn();
}

async function text(stream: ReadableStream<Uint8Array>): Promise<string> {
  return await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).text();
}

Deno.test("a shim process carries pipes and ends with the exit code", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const token = await stage.token(runtime);
  const shim = program(["shim", "-c", "c", "--token", token, "-u", stage.url], "piped");
  const writer = shim.stdin.getWriter();
  await writer.write(new TextEncoder().encode("to the process"));
  await writer.close();
  await runtime.hyper("newcontainer", [token], { id: "c", process: { args: ["x"] } });
  await stage.guest.until(() => stage.guest.stdin.get(3) === "to the process<EOF>");
  const big = "0123456789".repeat(100_000);
  const out = text(shim.stdout);
  const err = text(shim.stderr);
  for (let at = 0; at < big.length; at += 1000) {
    await stage.guest.output(3, big.slice(at, at + 1000));
  }
  await stage.guest.output(4, "oops");
  await stage.guest.exit(3, 7);
  assertEquals((await shim.status).code, 7);
  assertEquals([await out === big, await err], [true, "oops"]);
});

Deno.test("a shim process whose stdin is a file passes all of it on, in frames as long as the guest takes", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const token = await stage.token(runtime);
  const file = `${stage.directory}/input`;
  const input = "0123456789".repeat(30_000);
  await Deno.writeTextFile(file, input);
  const [command, ...args] = selfCommand(["shim", "-c", "c", "-t", token, "-u", stage.url]);
  const shell = 'f=$0; exec "$@" <"$f"';
  const shim = new Deno.Command("sh", { args: ["-c", shell, file, command!, ...args] }).spawn();
  await runtime.hyper("newcontainer", [token], { id: "c", process: { args: ["x"] } });
  await stage.guest.until(() => stage.guest.stdin.get(3)?.endsWith("<EOF>") ?? false);
  assertEquals(stage.guest.stdin.get(3) === input + "<EOF>", true);
  await stage.guest.exit(3, 4);
  assertEquals((await shim.status).code, 4);
});

Deno.test("a shim process forwards signals, and when it is killed its container is", async () => {
  const { stage, runtime } = await Stage.registered({ reconnectTimeout: 10 });
  await using _ = stage;
  const token = await stage.token(runtime);
  const shim = program(["shim", "-c", "c", "-t", token, "-u", stage.url], "piped");
  await runtime.hyper("newcontainer", [token], { id: "c", process: { args: ["x"] } });
  const { guest } = stage;
  const signals = () =>
    guest.commands.filter(({ code }) => code === GoCode.KILLCONTAINER)
      .map(({ text }) => JSON.parse(text).signal);
  shim.kill("SIGTERM");
  await guest.until(() => signals().includes(15));
  shim.kill("SIGKILL");
  await guest.until(() => signals().includes(9));
  await Promise.all([shim.status, shim.stdin.close(), text(shim.stdout), text(shim.stderr)]);
});

Deno.test("a shim process says what is wrong with its arguments, and that its token is refused", async () => {
  await using stage = new Stage();
  for (
    const [args, message] of [
      [["-c", "c", "-t", "AAAA"], "--uri is missing"],
      [["-c", "c", "-t", "AAAA", "-u", stage.url], "unknown token: AAAA"],
    ] as const
  ) {
    const shim = program(["shim", ...args], "null");
    const [status, err, out] = await Promise.all([
      shim.status,
      text(shim.stderr),
      text(shim.stdout),
    ]);
    assertEquals([status.code, out], [1, ""]);
    assertEquals(err.includes(message), true, err);
  }
});

Deno.test("a proxy process serves, and ends by itself with its pod", async () => {
  const directory = await Deno.makeTempDir();
  const url = `unix://${directory}/proxy.sock`;
  await using guest = new FakeGuest(directory);
  const proxy = program(["proxy", "-uri", url], "null");
  {
    using client = await ProxyClient.connect(url);
    await client.registerVM({
      containerId: "pod",
      ctlSerial: guest.control,
      ioSerial: guest.streams,
    });
    assertEquals((await client.hyper("ping", [], undefined)).length, 0);
    await client.unregisterVM("pod");
    await guest.closeStreams();
  }
  const [status, err, out] = await Promise.all([
    proxy.status,
    text(proxy.stderr),
    text(proxy.stdout),
  ]);
  assertEquals([status.code, err, out], [0, "", ""]);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a proxy process ends with 0 on SIGTERM and leaves no socket", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/proxy.sock`;
  const proxy = program(
    ["proxy", `--socket-path=${path}`, "--ksm", "off", "-log", "error"],
    "null",
  );
  using client = new RawClient(await connectWithRetry(`unix://${path}`));
  const request = { containerId: "nope" };
  assertEquals((await client.command(Command.attachVM, request))?.kind, "response 2 error");
  proxy.kill("SIGTERM");
  const [status] = await Promise.all([proxy.status, text(proxy.stderr), text(proxy.stdout)]);
  assertEquals(status.code, 0);
  assertEquals([...Deno.readDirSync(directory)], []);
  await Deno.remove(directory, { recursive: true });
});

Deno.test("a proxy process refuses what it does not know", async () => {
  for (
    const [args, message] of [
      [["-frob"], "Cannot use argument -frob: it is unknown"],
      [["-log"], "Cannot use option -log: its value is missing"],
      [["-log", "loud"], "Cannot use log level loud"],
      [["-uri", "tcp://h:1"], "only Unix sockets are served"],
      [["-uri", `unix:///${"x".repeat(107)}`], "socket path too long 108 (max 107)"],
    ] as const
  ) {
    const proxy = program(["proxy", ...args], "null");
    const [status, err] = await Promise.all([proxy.status, text(proxy.stderr), text(proxy.stdout)]);
    assertEquals([status.code, err.includes(message)], [1, true], err);
  }
});
