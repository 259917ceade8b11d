import { assert, assertEquals } from "@std/assert";
import {
  encodeGrants,
  FEATURE_STREAM_CREDIT,
  GRANT_SEQUENCE,
  INPUT_CREDIT,
  parseGrants,
} from "../../../lib/hyperstart/mod.ts";
import { Command } from "../../../lib/proxy/mod.ts";
import { Stage } from "./stage.ts";

const CREDIT = 65_536;
const HELLO = JSON.stringify({ agent: "test", features: [FEATURE_STREAM_CREDIT] });

/** A proxy and a guest that keeps to its credit, with what it was granted by sequence. */
async function creditStage() {
  const { stage, runtime } = await Stage.registered({ outputCredit: CREDIT }, HELLO);
  const granted = new Map<number, number>();
  stage.guest.onStdin = (sequence, payload) => {
    if (sequence === GRANT_SEQUENCE) {
      for (const each of parseGrants(payload)) {
        granted.set(each.sequence, (granted.get(each.sequence) ?? 0) + each.bytes);
      }
    }
    return Promise.resolve();
  };
  const waitFor = async (sequence: number, bytes: number) => {
    await stage.guest.until(() => (granted.get(sequence) ?? 0) >= bytes);
  };
  return { stage, runtime, granted, waitFor };
}

Deno.test("a process learns its output credit when it is started, from a proxy that keeps to it", async () => {
  const { stage, runtime } = await creditStage();
  await using _ = stage;
  await stage.running(runtime);
  const { process } = JSON.parse(stage.guest.commands.at(-1)!.text);
  assertEquals(process.outputCredit, CREDIT);
  const plain = await Stage.registered();
  await using _plain = plain.stage;
  await plain.stage.running(plain.runtime);
  const without = JSON.parse(plain.stage.guest.commands.at(-1)!.text);
  assertEquals(without.process.outputCredit, undefined);
});

Deno.test("what a shim has taken is granted again, for each output by itself", async () => {
  const { stage, runtime, granted, waitFor } = await creditStage();
  await using _ = stage;
  const { shim, sequence } = await stage.running(runtime);
  const piece = "x".repeat(CREDIT / 4);
  for (let round = 1; round <= 8; round++) {
    await stage.guest.output(sequence, piece);
    await shim.frame();
    await waitFor(sequence, round * piece.length);
  }
  await stage.guest.output(sequence + 1, piece);
  await shim.frame();
  await waitFor(sequence + 1, piece.length);
  assertEquals([...granted], [[sequence, 8 * piece.length], [sequence + 1, piece.length]]);
});

Deno.test("a shim that reads nothing holds back its own process alone", async () => {
  const { stage, runtime, granted, waitFor } = await creditStage();
  await using _ = stage;
  const stuck = await stage.running(runtime);
  const other = await stage.running(runtime);
  // As much as the guest may send, until the shim's socket is full and nothing is granted any more.
  const piece = "s".repeat(CREDIT / 4);
  let sent = 0;
  while (sent < CREDIT + (granted.get(stuck.sequence) ?? 0)) {
    await stage.guest.output(stuck.sequence, piece);
    sent += piece.length;
    await runtime.hyper("ping");
  }
  for (let round = 1; round <= 100; round++) {
    await stage.guest.output(other.sequence, piece);
    assertEquals((await other.shim.frame())?.text.length, piece.length);
    await waitFor(other.sequence, round * piece.length);
  }
  assert(sent <= CREDIT + granted.get(stuck.sequence)!);
  // Once it reads, everything is there.
  await stage.guest.exit(stuck.sequence, 3);
  let taken = 0;
  for (let frame; (frame = await stuck.shim.frame()) && frame.kind === "stream 1";) {
    taken += frame.text.length;
  }
  assertEquals(taken, sent);
});

Deno.test("a process whose shim said goodbye is held back no more", async () => {
  const { stage, runtime, granted, waitFor } = await creditStage();
  await using _ = stage;
  const { shim, sequence } = await stage.running(runtime);
  await shim.command(Command.disconnectShim, {});
  await waitFor(sequence, 0xffff_ffff);
  assertEquals(granted.get(sequence + 1), 0xffff_ffff);
});

Deno.test("a process that takes no stdin gets no more than its credit, and grants pass it by", async () => {
  const { stage, runtime, waitFor } = await creditStage();
  await using _ = stage;
  const { shim, sequence } = await stage.running(runtime);
  const other = await stage.running(runtime);
  const got = () => stage.guest.stdin.get(sequence)?.length ?? 0;
  const piece = "i".repeat(8192);
  const total = 2 * INPUT_CREDIT;
  const sending = (async () => {
    for (let sent = 0; sent < total; sent += piece.length) await shim.stdin(piece);
  })();
  await stage.guest.until(() => got() > INPUT_CREDIT / 2);
  for (let round = 1; round <= 20; round++) {
    await stage.guest.output(other.sequence, "x".repeat(CREDIT / 4));
    await other.shim.frame();
    await waitFor(other.sequence, round * CREDIT / 4);
  }
  assert(got() <= INPUT_CREDIT, `${got()} bytes`);
  await stage.guest.outputRaw(encodeGrants([{ sequence, bytes: INPUT_CREDIT }]));
  await sending;
  await stage.guest.until(() => got() === total);
});
