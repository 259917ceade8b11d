import {
  encodeControlFrame,
  encodeGuestHello,
  FEATURE_CLOCK,
  FEATURE_CONTAINER_CGROUP,
  FEATURE_DELETE_ROUTE,
  FEATURE_HELD_CONTAINER,
  FEATURE_PROCESS_FILES,
  FEATURE_SIGNAL_SEQUENCE,
  FEATURE_STREAM_CREDIT,
  FEATURE_TRACE,
  FEATURE_UPDATE_CONTAINER,
  GoCode,
  MAX_CONTROL_FRAME,
} from "../../hyperstart/mod.ts";
import { Poller } from "../../sys/mod.ts";
import { Engine } from "./engine.ts";
import { openPort } from "./find_port.ts";
import { prepareMachine, RUN } from "./machine.ts";
import { note } from "./note.ts";
import { MAX_PAYLOAD } from "./output_source.ts";
import { PodRuntime } from "./pod_runtime.ts";
import { Port } from "./port.ts";

const CONTROL = "sh.hyper.channel.0", STREAM = "sh.hyper.channel.1";

/** Milliseconds; see {@linkcode Poller}. */
const LINGER = 3;

/** The agent: process 1 of the machine. Prepares it, says READY, and serves the host until the machine stops. */
export async function guestMain(): Promise<never> {
  const began = Date.now();
  const cgroups = prepareMachine();
  const poller = new Poller({ linger: LINGER, alone: true });
  // Each host is greeted: a machine that was saved and restored has one after another.
  const control = new Port(poller, await openPort(CONTROL), (port) => {
    port.send(encodeControlFrame(GoCode.READY, hello()));
  });
  const stream = new Port(poller, await openPort(STREAM));
  const runtime = new PodRuntime({
    poller,
    sink: stream,
    directory: RUN,
    cgroups,
    ownsMachine: true,
    parks: true,
  });
  const times = { began, ready: Date.now() };
  const engine = new Engine({ runtime, times, reply: (frame) => control.send(frame) });
  // Nobody else would hear of it while the poller rests.
  control.readTo((chunk) => engine.receiveControl(chunk)).catch(giveUp);
  stream.readTo((chunk) => engine.receiveStream(chunk)).catch(giveUp);
  await poller.run();
  throw new Error("Cannot go on: the poller has stopped");
}

/** The machine ends with this process, and the host learns why from the console. */
function giveUp(error: unknown): never {
  note(`Cannot go on: ${error instanceof Error ? error.stack : error}`);
  Deno.exit(1);
}

function hello(): Uint8Array {
  return encodeGuestHello({
    agent: "podvisor",
    version: "0.1.0",
    features: [
      FEATURE_STREAM_CREDIT,
      FEATURE_SIGNAL_SEQUENCE,
      FEATURE_UPDATE_CONTAINER,
      FEATURE_CONTAINER_CGROUP,
      FEATURE_TRACE,
      FEATURE_DELETE_ROUTE,
      FEATURE_CLOCK,
      FEATURE_HELD_CONTAINER,
      FEATURE_PROCESS_FILES,
    ],
    maxMessage: MAX_CONTROL_FRAME,
    maxStreamPayload: MAX_PAYLOAD,
    clock: Date.now() * 1000,
  });
}

if (import.meta.main) await guestMain();
