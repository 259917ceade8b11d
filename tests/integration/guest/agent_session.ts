/**
 * The guest agent's containers on this machine's own kernel: started by `agent_test.ts` in a mount namespace of its own.
 * Commands come on stdin, one JSON array `[code, message]` or `["input", sequence, text]` a line; what the agent says
 * goes to stdout, one JSON object a line. Arguments: a directory, that of the cgroups, and whether processes wait for
 * containers.
 */
import { join } from "@std/path";
import { Engine } from "../../../lib/guest/agent/engine.ts";
import { PodRuntime } from "../../../lib/guest/agent/pod_runtime.ts";
import {
  ControlDecoder,
  encodeControlFrame,
  encodeStreamFrame,
  StreamDecoder,
} from "../../../lib/hyperstart/mod.ts";
import { mount, Poller } from "../../../lib/sys/mod.ts";

const MS_BIND = 4096;

const [directory, cgroups, parks] = Deno.args as [string, string, string];
const say = (what: unknown) =>
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(what) + "\n"));
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

const poller = new Poller();
const frames = new StreamDecoder();
const replies = new ControlDecoder();
const runtime = new PodRuntime({
  poller,
  directory: join(directory, "run"),
  cgroups: cgroups === "" ? undefined : cgroups,
  parks: parks === "true",
  mountShare: (_tag, path) => mount(join(directory, "share"), path, "none", MS_BIND),
  sink: {
    hasRoom: true,
    whenRoom: (callback) => callback(),
    send(bytes) {
      frames.push(bytes.slice());
      for (let each; (each = frames.next());) {
        say({
          sequence: each.sequence,
          text: text(each.payload),
          bytes: [...each.payload.slice(0, 1)],
        });
      }
    },
  },
});
const engine = new Engine({
  runtime,
  grace: 50,
  reply(bytes) {
    replies.push(bytes);
    const { code, payload } = replies.next()!;
    say({ reply: code, text: text(payload) });
  },
});
poller.run();

let waiting = "";
for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (waiting + chunk).split("\n");
  waiting = lines.pop()!;
  for (const line of lines) {
    const [code, second, third] = JSON.parse(line);
    const encode = (value: string) => new TextEncoder().encode(value);
    if (code === "input") {
      engine.receiveStream(
        encodeStreamFrame(second, third === undefined ? undefined : encode(third)),
      );
    } else {
      await engine.receiveControl(encodeControlFrame(code, encode(JSON.stringify(second ?? {}))));
    }
  }
}
runtime[Symbol.dispose]();
Deno.exit(0);
