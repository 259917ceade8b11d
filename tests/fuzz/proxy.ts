import { encodeControlFrame, encodeStreamFrame, GoCode } from "../../lib/hyperstart/mod.ts";
import { Command, encodeProxyFrame, FrameType, Stream, writeAll } from "../../lib/proxy/mod.ts";
import type { RawClient } from "../unit/proxy/raw_client.ts";
import { Stage } from "../unit/proxy/stage.ts";
import { bytesOf, mutateFrame, mutateJson, oneOf, pick, type Random } from "./mutate.ts";

const LIMITS = {
  shimTimeout: 1,
  processTimeout: 1,
  reconnectTimeout: 1,
  drainTimeout: 1,
  lossGrace: 1,
};
/** Inputs that a connection gets before it is given up. */
const PER_CONNECTION = 40, PER_VM = 2000;

const COMMANDS: readonly [opcode: number, text: string][] = [
  [
    Command.registerVM,
    '{"containerId":"x","ctlSerial":"/nosuch1","ioSerial":"/nosuch2","numIOStreams":1}',
  ],
  [Command.attachVM, '{"containerId":"pod","numIOStreams":1}'],
  [Command.hyper, '{"hyperName":"ping","tokens":null}'],
  [
    Command.hyper,
    '{"hyperName":"newcontainer","tokens":null,"data":{"id":"a","process":{"terminal":true}}}',
  ],
  [
    Command.hyper,
    '{"hyperName":"execcmd","tokens":["TOKEN"],"data":{"container":"a","process":{"args":[]}}}',
  ],
  [Command.connectShim, '{"token":"TOKEN"}'],
  [Command.disconnectShim, ""],
  [Command.signal, '{"signalNumber":28,"columns":80,"rows":25}'],
  [Command.unregisterVM, '{"containerId":"y"}'],
];

/** Gives a proxy `count` inputs by clients, and now and then by its guest; after them it must still serve. */
export async function fuzzProxy(random: Random, count: number): Promise<void> {
  for (let done = 0; done < count; done += PER_VM) {
    const { stage, runtime } = await Stage.registered(LIMITS);
    await using _stage = stage;
    const token = await stage.token(runtime);
    for (let each = 0; each < Math.min(PER_VM, count - done); each += PER_CONNECTION) {
      const client = await stage.client();
      const sent = sendClient(random, client, token);
      // Both sides at once: answers must not be what keeps the client from sending.
      await Promise.race([Promise.all([sent, drain(client)]), pause(20)]);
      client[Symbol.dispose]();
      await sent;
      await stage.guest.outputRaw(
        encodeStreamFrame(pick(random, 9), new Uint8Array(pick(random, 20))),
      );
    }
    const answer = await (await stage.client()).command(Command.attachVM, { containerId: "pod" });
    if (answer?.kind !== "response 2") throw new Error("The proxy does not serve any more");
    await breakGuest(random, stage);
  }
}

async function sendClient(random: Random, client: RawClient, token: string): Promise<void> {
  for (let each = 0; each < PER_CONNECTION; each++) {
    await writeAll(client.connection, clientFrame(random, token)).catch(() => {});
  }
  await client.connection.closeWrite?.().catch(() => {});
}

function clientFrame(random: Random, token: string): Uint8Array {
  if (random() < 0.2) {
    const log = bytesOf(mutateJson(random, '{"source":"shim","level":"debug","msg":"m"}'));
    const stream = random() < 0.5
      ? encodeProxyFrame(FrameType.stream, Stream.log, log)
      : encodeProxyFrame(FrameType.stream, pick(random, 4), new Uint8Array(pick(random, 40)));
    return mutateFrame(random, stream, 8);
  }
  const [opcode, text] = oneOf(random, COMMANDS);
  const filled = text.replace("TOKEN", token);
  const payload = bytesOf(random() < 0.4 ? filled : mutateJson(random, filled));
  // Most frames are well-formed: a broken one is the end of its connection.
  const frame = encodeProxyFrame(FrameType.command, opcode, payload);
  return random() < 0.9 ? frame : mutateFrame(random, frame, 8);
}

/** The guest says something that it should not, on either channel. */
async function breakGuest(random: Random, stage: Stage): Promise<void> {
  const control = encodeControlFrame(pick(random, 30), bytesOf(mutateJson(random, '{"status":1}')));
  await stage.guest.sendRaw(mutateFrame(random, control, 4)).catch(() => {});
  const output = encodeStreamFrame(pick(random, 9), new Uint8Array(20));
  await stage.guest.outputRaw(mutateFrame(random, output, 8)).catch(() => {});
  await stage.guest.send({ code: GoCode.ACK, payload: new Uint8Array(0) }).catch(() => {});
}

async function drain(client: RawClient): Promise<void> {
  const buffer = new Uint8Array(65_536);
  while (await client.connection.read(buffer).catch(() => null) !== null);
}

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}
