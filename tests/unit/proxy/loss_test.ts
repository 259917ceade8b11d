import { assertEquals } from "@std/assert";
import { Command } from "../../../lib/proxy/mod.ts";
import { refusal, response } from "./raw_client.ts";
import { Stage } from "./stage.ts";

for (const channel of ["control", "streams"] as const) {
  const close = (stage: Stage) =>
    channel === "control" ? stage.guest.closeControl() : stage.guest.closeStreams();

  Deno.test(`the end of the ${channel} channel fails the command that waits, and later ones`, async () => {
    const { stage, runtime } = await Stage.registered({ lossGrace: 10 });
    await using _ = stage;
    stage.guest.script = () => [];
    const waiting = runtime.hyper("startpod", null, {});
    await stage.guest.until(() => stage.guest.commands.length === 1);
    await close(stage);
    const reason = channel === "control"
      ? "the control channel closed"
      : "the stream channel closed";
    assertEquals(await waiting, refusal(Command.hyper, `VM lost: ${reason}`));
    assertEquals(
      await runtime.hyper("ping"),
      refusal(Command.hyper, "No multicast available for CTL channel"),
    );
  });

  Deno.test(`the end of the ${channel} channel closes the shims after their last output`, async () => {
    const { stage, runtime } = await Stage.registered({ lossGrace: 10 });
    await using _ = stage;
    const { shim, sequence, token } = await stage.running(runtime);
    await stage.guest.output(sequence, "last words");
    await close(stage);
    assertEquals(await shim.frame(), { kind: "stream 1", text: "last words" });
    assertEquals(await shim.frame(), undefined);
    const opcode = Command.connectShim;
    assertEquals(
      await (await stage.client()).command(opcode, { token }),
      refusal(opcode, `unknown token: ${token}`),
    );
  });
}

Deno.test("a shim that reads nothing keeps the end of the VM, and what came before it, from nobody", async () => {
  const { stage, runtime } = await Stage.registered({ queueBound: 1024 });
  await using _ = stage;
  const stuck = await stage.running(runtime), other = await stage.running(runtime);
  const piece = "x".repeat(10_000);
  for (let at = 0; at < 40; at++) await stage.guest.output(stuck.sequence, piece);
  await stage.guest.output(other.sequence, "last words");
  await stage.guest.closeControl();
  await stage.guest.closeStreams();
  assertEquals(await other.shim.frame(), { kind: "stream 1", text: "last words" });
  assertEquals(await other.shim.frame(), undefined);
  let count = 0;
  for (let frame; (frame = await stuck.shim.frame());) count += frame.text.length;
  assertEquals(count, 400_000);
});

Deno.test("a shim that has asked for podvisor's own notifications is told why its process is lost", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const shim = await stage.client();
  const token = await stage.token(runtime);
  await shim.command(Command.connectShim, { token, terms: true });
  await stage.guest.closeStreams();
  const text = "VM lost: the stream channel closed";
  assertEquals(await shim.frame(), { kind: "notification 2", text });
  assertEquals(await shim.frame(), undefined);
});

Deno.test("a start that waits for its shim fails when the VM is lost", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  const token = await stage.token(runtime);
  const data = { id: "c", process: { args: ["x"] } };
  const started = runtime.hyper("newcontainer", [token], data);
  await stage.guest.closeStreams();
  assertEquals(await started, refusal(Command.hyper, "VM lost: the stream channel closed"));
});

Deno.test("a guest that goes before READY fails the registration", async () => {
  await using stage = new Stage({}, null);
  const answer = stage.register(await stage.client());
  await stage.guest.closeStreams();
  assertEquals(await answer, refusal(Command.registerVM, "VM lost: the stream channel closed"));
});

Deno.test("a lost VM stays registered until UnregisterVM", async () => {
  const { stage, runtime } = await Stage.registered();
  await using _ = stage;
  await stage.guest.closeStreams();
  assertEquals(
    await stage.register(runtime),
    refusal(Command.registerVM, "pod: container already registered"),
  );
});

Deno.test("the proxy of one pod finishes after UnregisterVM and the loss of its VM, in either order", async () => {
  for (const lossFirst of [true, false]) {
    const { stage, runtime } = await Stage.registered();
    await using _ = stage;
    if (lossFirst) await stage.guest.closeStreams();
    assertEquals(
      await runtime.command(Command.unregisterVM, { containerId: "pod" }),
      response(Command.unregisterVM),
    );
    if (!lossFirst) await stage.guest.closeStreams();
    await stage.proxy.finished;
  }
});
