import { assert, assertEquals, assertRejects } from "@std/assert";
import { Code } from "../../../lib/hyperstart/mod.ts";
import { command, container, POD, Scene } from "./scene.ts";

/** Bytes of a whole control message and of a stream frame's header; what C hyperstart takes of stdin and of a frame. */
const CONTROL_MESSAGE = 10_240, FRAME_HEADER = 12, C_BURST = 512, C_FRAME = 4096;

for (const dialect of ["go", "c4242", "c4244"] as const) {
  Deno.test(`${dialect}: a control message has at most 10240 bytes; one more is refused, and the guest is none the worse`, async () => {
    await using scene = new Scene(dialect);
    await scene.agent.startPod(POD);
    const start = async (id: string, length: number) => {
      const { token } = await scene.streams();
      const env = [{ env: "LONG", value: "x".repeat(length) }];
      await scene.agent.startContainer(
        container(id, [], { command: command(["x"], { env }) }),
        token,
      );
    };
    const error = await assertRejects(() => start("c", 20_000), Error, "10240 are the most");
    const [, bytes] = /it has (\d+) bytes/.exec(error.message)!;
    const longest = 20_000 - (Number(bytes) - CONTROL_MESSAGE);
    await assertRejects(() => start("c", longest + 1), Error, "it has 10241 bytes");
    await start("c", longest);
    assertEquals(scene.dialect.messages(Code.NEWCONTAINER).length, 1);
  });
}

for (const dialect of ["c4242", "c4244"] as const) {
  Deno.test(`${dialect}: stdin goes in bursts of at most 512 bytes and frames of at most 4096, and nothing of it is lost`, async () => {
    await using scene = new Scene(dialect);
    await scene.agent.startPod(POD);
    const { guest } = scene.dialect;
    const { onStdin } = guest;
    const frames: number[] = [];
    let burst = 0, longest = 0, sequence = 0;
    guest.onStdin = async (to, payload) => {
      if (sequence === 0) sequence = to;
      // A frame for nobody, which it answers, parts one burst from the next.
      burst = to === sequence ? burst + payload.length : 0;
      longest = Math.max(longest, burst);
      frames.push(payload.length + FRAME_HEADER);
      await onStdin(to, payload);
    };
    const text = "0123456789abcdef".repeat(1000);
    const { token, ended } = await scene.streams(text);
    await scene.agent.startContainer(container("c", ["cat"]), token);
    assertEquals(await ended, { result: { kind: "exited", code: 7 }, stdout: text });
    assert(longest <= C_BURST, `${longest} bytes in a burst`);
    assert(Math.max(...frames) <= C_FRAME, `${Math.max(...frames)} bytes in a frame`);
    assertEquals(scene.dialect.refusals, []);
  });
}

Deno.test("go: a frame of stdin has at most 10240 bytes with its header", async () => {
  await using scene = new Scene("go");
  await scene.agent.startPod(POD);
  const { guest } = scene.dialect;
  const { onStdin } = guest;
  let longest = 0;
  guest.onStdin = async (sequence, payload) => {
    longest = Math.max(longest, payload.length + FRAME_HEADER);
    await onStdin(sequence, payload);
  };
  const text = "0123456789abcdef".repeat(5000);
  const { token, ended } = await scene.streams(text);
  await scene.agent.startContainer(container("c", ["cat"]), token);
  assertEquals((await ended).stdout, text);
  assert(longest <= CONTROL_MESSAGE, `${longest} bytes in a frame`);
});
