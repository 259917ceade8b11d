import { assertEquals } from "@std/assert";
import {
  Command,
  encodeJsonFrame,
  encodeProxyFrame,
  FrameType,
  Stream,
} from "../../../lib/proxy/mod.ts";
import { fromHex } from "../generated.ts";
import { refusal, response } from "./raw_client.ts";
import { Stage } from "./stage.ts";

Deno.test("a header in pieces, and a longer one, are understood", async () => {
  await using stage = new Stage();
  const client = await stage.client();
  const bytes = encodeJsonFrame(FrameType.command, Command.hyper, { hyperName: "ping" });
  const refused = refusal(Command.hyper, "client not attached to a vm");
  for (const byte of bytes) await client.write(Uint8Array.of(byte));
  assertEquals(await client.frame(), refused);
  const payload = bytes.subarray(12);
  await client.write(fromHex("0002 04 000000 0003 000000" + payload.length.toString(16)));
  await client.write(fromHex("ffffffff"));
  await client.write(payload);
  assertEquals(await client.frame(), refused);
});

for (
  const [what, bytes] of [
    ["another version", fromHex("0001 03 000000 0000 00000000")],
    ["a header length below 3", fromHex("0002 00 000000 0000 00000000")],
    ["an unknown type", fromHex("0002 03 000000 0500 00000000")],
    ["an unknown opcode", fromHex("0002 03 000000 004d 00000000")],
    ["a payload of 4 GiB", fromHex("0002 03 000000 0000 ffffffff")],
    ["a response", encodeProxyFrame(FrameType.response, 0)],
    ["a notification", encodeProxyFrame(FrameType.notification, 0)],
    ["stdout", encodeProxyFrame(FrameType.stream, Stream.stdout)],
    ["stderr", encodeProxyFrame(FrameType.stream, Stream.stderr)],
    ["stdin without a session", encodeProxyFrame(FrameType.stream, Stream.stdin)],
    [
      "a log record of an unknown source",
      encodeJsonFrame(FrameType.stream, Stream.log, { source: "me", level: "info", msg: "x" }),
    ],
    [
      "a log record of an unknown level",
      encodeJsonFrame(FrameType.stream, Stream.log, { source: "shim", level: "loud", msg: "x" }),
    ],
    [
      "an empty log record",
      encodeJsonFrame(FrameType.stream, Stream.log, { source: "shim", level: "info", msg: "" }),
    ],
  ] as const
) {
  Deno.test(`${what} from a client closes its connection without a response, and no other`, async () => {
    const { stage, runtime } = await Stage.registered();
    await using _ = stage;
    const client = await stage.client();
    await client.write(bytes);
    assertEquals(await client.frame(), undefined);
    assertEquals(await runtime.hyper("ping"), response(Command.hyper));
  });
}

Deno.test("a good log record is taken without a response", async () => {
  await using stage = new Stage();
  const client = await stage.client();
  const record = { source: "shim", containerId: "c", level: "debug", msg: "{hello}" };
  await client.write(encodeJsonFrame(FrameType.stream, Stream.log, record));
  assertEquals((await client.hyper("ping"))?.kind, "response 3 error");
});

Deno.test("only the owner may use the socket, and the one of a dead proxy is replaced", async () => {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/sub/proxy.sock`;
  await Deno.mkdir(`${directory}/sub`);
  Deno.listen({ transport: "unix", path }).close();
  const { ProxyServer } = await import("../../../lib/proxy/server.ts");
  {
    await using _server = new ProxyServer({ path });
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    (await Deno.connect({ transport: "unix", path })).close();
  }
  assertEquals([...Deno.readDirSync(`${directory}/sub`)], []);
  await Deno.remove(directory, { recursive: true });
});
