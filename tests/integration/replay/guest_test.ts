import { assertEquals } from "@std/assert";
import { Engine } from "../../../lib/guest/agent/engine.ts";
import {
  Code,
  encodeStreamFrame,
  readU32,
  STREAM_HEADER_LENGTH,
} from "../../../lib/hyperstart/mod.ts";
import { FakeRuntime } from "../../unit/guest/agent/fake_runtime.ts";
import { recordedSession, type Step } from "./recording.ts";

const decoder = new TextDecoder();

/** Answers in which the built-in guest is to differ from the Go agent, by the agent's own. */
const DIFFERENCES: readonly { recorded: RegExp; reason: string }[] = [
  {
    recorded: /^Could not (setup|remove) the network: protocol not supported$/,
    reason: "recorded on a kernel that lacks what the agent's netlink library opens; pods do start",
  },
  {
    recorded: /^Process could not be started: .*\/bin\/nosuch/,
    reason: "a missing program is told with its error number, so that a host can tell 127 from 126",
  },
  {
    recorded: /^Could not resolve symlink for source \/tmp\/shareDir\/cx$/,
    reason: "what a runtime says of a root that is not there is the runtime's",
  },
  {
    recorded: /^PID +USER +COMMAND/,
    reason: "the table is made by the machine; here there is none",
  },
  { recorded: /^\[\d+(,\d+)*\]$/, reason: "process ids are the machine's" },
];

for (const name of ["step2-cc-agent", "step2b-agent-limits"]) {
  const steps = recordedSession(name);
  if (!steps) continue;
  Deno.test(`the guest answers in the recorded session ${name} what the Go agent answered`, async () => {
    await replayGuest(steps);
  });
}

/**
 * Plays a session's host against the engine, with a machine whose processes end when and as they did: each answer, each
 * end of output and each exit status are compared.
 */
async function replayGuest(steps: readonly Step[]): Promise<void> {
  const runtime = new FakeRuntime();
  const answers: Uint8Array[] = [];
  const ended: Ended = new Set();
  const engine = new Engine({
    runtime,
    reply: (frame) => answers.push(frame.slice()),
    pause: () => new Promise(() => {}),
  });
  for (const step of steps) {
    if (step.kind !== "frame") continue;
    const { channel, toPeer, bytes, line } = step;
    if (toPeer && channel === "ctl") await engine.receiveControl(bytes);
    else if (toPeer) await engine.receiveStream(bytes);
    else if (channel === "tty") compareEnd(runtime, bytes, ended, line);
    else if (readU32(bytes, 0) !== Code.READY) compareAnswer(answers.shift(), bytes, line);
  }
  assertEquals(answers.length, 0, "answers that nobody asked for");
}

function compareAnswer(got: Uint8Array | undefined, recorded: Uint8Array, line: number): void {
  const text = decoder.decode(recorded.subarray(8));
  if (DIFFERENCES.some((each) => each.recorded.test(text))) return;
  assertEquals(got, recorded, `line ${line}: ${text}`);
}

/** Sequences whose output has ended: one byte on them is a status. */
type Ended = Set<number>;

/** Bytes that processes write are the machine's; the frames that tell of their end are the protocol's. */
function compareEnd(runtime: FakeRuntime, recorded: Uint8Array, ended: Ended, line: number): void {
  const sequence = readU32(recorded, 4);
  const process = runtime.processes.find(({ spec }) => spec.stdio === sequence);
  const payload = recorded.subarray(STREAM_HEADER_LENGTH);
  if (!process) return;
  if (payload.length === 0) {
    ended.add(sequence);
    return;
  }
  if (!ended.has(sequence) || payload.length !== 1) return;
  process.finish(payload[0]!);
  const sent = runtime.frames.filter((frame) => readU32(frame, 4) === sequence);
  assertEquals(sent, [encodeStreamFrame(sequence), recorded], `line ${line}: end of ${sequence}`);
}
