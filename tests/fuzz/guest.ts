import { Engine } from "../../lib/guest/agent/engine.ts";
import { encodeControlFrame, encodeStreamFrame, GoCode } from "../../lib/hyperstart/mod.ts";
import { FakeRuntime } from "../unit/guest/agent/fake_runtime.ts";
import { bytesOf, mutateFrame, mutateJson, oneOf, pick, type Random } from "./mutate.ts";

const PROCESS =
  '"process":{"args":["/bin/cat"],"stdio":3,"stderr":4,"terminal":false,"workdir":"/"}';
const MESSAGES: readonly [code: number, text: string][] = [
  [
    GoCode.STARTPOD,
    '{"hostname":"p","shareDir":"s","interfaces":[{"macAddr":"x","mtu":1}],"routes":[]}',
  ],
  [GoCode.NEWCONTAINER, `{"id":"a","rootfs":"r","image":"a",${PROCESS},"fsmap":[{"path":"/x"}]}`],
  [GoCode.EXECCMD, `{"container":"a",${PROCESS.replace("3", "5").replace("4", "6")}}`],
  [GoCode.KILLCONTAINER, '{"container":"a","signal":9,"allProcesses":true}'],
  [GoCode.REMOVECONTAINER, '{"container":"a"}'],
  [GoCode.PSCONTAINER, '{"container":"a","format":"table","psargs":["-ef"]}'],
  [GoCode.WINSIZE, '{"seq":3,"row":1,"column":2}'],
  [24, '{"seq":3,"signal":15}'],
  [64, '{"container":"a","constraints":{"MemoryLimit":1}}'],
  [
    GoCode.SETUPINTERFACE,
    '{"device":"eth0","ipAddresses":[{"ipAddress":"1.2.3.4","netMask":"8"}]}',
  ],
  [GoCode.SETUPROUTE, '{"routes":[{"dest":"default","gateway":"1.2.3.4"}]}'],
  [GoCode.ONLINECPUMEM, '{"cpus":1}'],
  [GoCode.DESTROYPOD, ""],
  [GoCode.PING, ""],
  [GoCode.GETVERSION, ""],
];

/** Gives the guest's engine `count` inputs on both channels; after them it must still answer. */
export async function fuzzGuest(random: Random, count: number): Promise<void> {
  let engine = newEngine();
  for (let each = 0; each < count; each++) {
    // Machines with many dead processes are slow, and nothing new.
    if (each % 2000 === 0) engine = newEngine();
    if (random() < 0.3) {
      const payload = new Uint8Array(pick(random, 40));
      const frame = encodeStreamFrame(pick(random, 8), payload);
      engine.receiveStream(mutateFrame(random, frame, 8));
      continue;
    }
    const [code, text] = oneOf(random, MESSAGES);
    const payload = bytesOf(random() < 0.5 ? text : mutateJson(random, text));
    const unknown = random() < 0.05 ? pick(random, 2 ** 32) : code;
    await engine.receiveControl(mutateFrame(random, encodeControlFrame(unknown, payload), 4));
  }
  let answered = false;
  engine = newEngine(() => answered = true);
  await engine.receiveControl(encodeControlFrame(GoCode.PING));
  if (!answered) throw new Error("The guest does not answer any more");
}

function newEngine(reply: () => void = () => {}): Engine {
  return new Engine({
    runtime: new FakeRuntime(),
    reply,
    warn: () => {},
    pause: () => Promise.resolve(),
  });
}
