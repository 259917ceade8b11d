import {
  Command,
  encodeProxyFrame,
  FrameType,
  Notification,
  Stream,
  writeAll,
} from "../../lib/proxy/mod.ts";
import { Shim } from "../../lib/shim/mod.ts";
import { bytesOf, mutateFrame, pick, type Random } from "./mutate.ts";

const TOKEN = "AAAA";
const PER_CONNECTION = 100;

/** Lets proxies that send `count` inputs serve shims, each of which must end. */
export async function fuzzShim(random: Random, count: number): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/proxy.sock`;
  const listener = Deno.listen({ transport: "unix", path });
  try {
    for (let done = 0; done < count; done += PER_CONNECTION) {
      const sink = { write: (bytes: Uint8Array) => Promise.resolve(bytes.length) };
      const shim = new Shim({
        url: `unix://${path}`,
        token: TOKEN,
        container: "c",
        interactive: false,
        terminal: false,
        stdout: sink,
        stderr: sink,
      });
      const result = shim.run();
      using connection = await listener.accept();
      await serve(random, connection);
      connection.closeWrite?.();
      await result;
    }
  } finally {
    listener.close();
    await Deno.remove(directory, { recursive: true });
  }
}

async function serve(random: Random, connection: Deno.Conn): Promise<void> {
  await connection.read(new Uint8Array(4096)).catch(() => null);
  const terms = bytesOf('{"maxStdin":100,"stdinCredit":200}');
  const first = encodeProxyFrame(FrameType.response, Command.connectShim, terms);
  const parts = [random() < 0.9 ? first : mutateFrame(random, first, 8)];
  for (let each = 1; each < PER_CONNECTION; each++) parts.push(proxyFrame(random));
  for (const part of parts) await writeAll(connection, part).catch(() => {});
}

function proxyFrame(random: Random): Uint8Array {
  const payload = new Uint8Array(pick(random, 60));
  const kind = pick(random, 8);
  const frame = kind < 4
    ? encodeProxyFrame(FrameType.stream, Stream.stdout + pick(random, 2), payload)
    : kind < 6
    ? encodeProxyFrame(FrameType.notification, Notification.stdinTaken, payload.subarray(0, 4))
    : kind < 7
    ? encodeProxyFrame(FrameType.response, pick(random, 7), payload, random() < 0.5)
    : encodeProxyFrame(pick(random, 4), pick(random, 4), payload);
  return random() < 0.95 ? frame : mutateFrame(random, frame, 8);
}
