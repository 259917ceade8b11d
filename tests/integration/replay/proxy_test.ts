import { Code, encodeControlFrame } from "../../../lib/hyperstart/mod.ts";
import { type ProxySession, replayProxy } from "./proxy_replay.ts";
import { ownSession, recordedSession, type Step } from "./recording.ts";

const encoder = new TextEncoder();
const refusal = encodeControlFrame(Code.ERROR, encoder.encode('No callback found for command ""'));
const version = (number: number) =>
  encodeControlFrame(Code.ACK, Uint8Array.of(0, 0, number >> 8, number & 0xff));

interface Recorded extends Omit<ProxySession, "steps" | "differences"> {
  name: string;
  /** What the built-in proxy answers otherwise, by the recorded payload. */
  differences?: readonly { recorded: RegExp; instead: string; reason: string }[];
}

const EMPTY_ID = {
  recorded: /^\{"msg":"dial unix .*nosuch1: connect: no such file or directory"\}$/,
  instead: '{"msg":"malformed RegisterVM command"}',
  reason: "cc-proxy dials for a RegisterVM with an empty id, after it has found that out",
};

const SESSIONS: readonly Recorded[] = [
  { name: "step3-agent", version: refusal, differences: [EMPTY_ID] },
  { name: "step3-hs07", version: version(4242), differences: [EMPTY_ID] },
  { name: "step3-hs11", version: version(4244), differences: [EMPTY_ID] },
  { name: "step4-virtc-pod", version: refusal },
];

for (const { name, differences = [], ...rest } of SESSIONS) {
  const steps = recordedSession(name);
  if (!steps) continue;
  Deno.test(`the proxy says in the recorded session ${name} what cc-proxy said`, async () => {
    await replayProxy({ steps, differences: listDifferences(steps, differences), ...rest });
  });
}

Deno.test("the proxy says in a session of a container's whole life what the protocol asks for", async () => {
  await replayProxy({ steps: ownSession("container"), version: refusal });
});

function listDifferences(
  steps: readonly Step[],
  differences: NonNullable<Recorded["differences"]>,
): Map<number, { instead: string; reason: string }> {
  const listed = new Map<number, { instead: string; reason: string }>();
  for (const step of steps) {
    if (step.kind !== "frame" || step.toPeer || !step.channel.startsWith("prx")) continue;
    const payload = new TextDecoder().decode(step.bytes.subarray(12));
    const found = differences.find(({ recorded }) => recorded.test(payload));
    if (found) listed.set(step.line, found);
  }
  return listed;
}
