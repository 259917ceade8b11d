import { connectWithRetry } from "./connect.ts";
import { within } from "./deadline.ts";
import { Command, encodeJsonFrame, FrameType, ProxyDecoder } from "./frame.ts";
import { parseErrorMessage } from "./payloads.ts";
import { writeAll } from "./write_all.ts";

/** How often, and how far apart in milliseconds, a token is tried that a shim still has which is just ending. */
const TRIES = 20, PAUSE = 10;
const TIMEOUT = 5000;

/**
 * Gives a token back that no shim will use: claims it as a shim does and takes leave, which is the one way that the
 * protocol has (cc-proxy-protocol 4.5, 4.6). One that the proxy does not know (any more) is fine.
 *
 * @throws {Error} when the proxy cannot be reached
 */
export async function releaseToken(url: string, token: string): Promise<void> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const refusal = await within(
      claimAndLeave(url, token),
      TIMEOUT,
      () => "Cannot give a token back: no answer from the proxy",
    );
    if (!refusal?.startsWith("token already claimed")) return;
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

/** @returns why the proxy did not let the token be claimed, if it did not */
async function claimAndLeave(url: string, token: string): Promise<string | undefined> {
  using connection = await connectWithRetry(url, { timeout: 0 });
  await writeAll(connection, encodeJsonFrame(FrameType.command, Command.connectShim, { token }));
  const decoder = new ProxyDecoder();
  const buffer = new Uint8Array(4096);
  for (;;) {
    const frame = decoder.next();
    if (frame?.type === FrameType.response) {
      if (frame.error) return parseErrorMessage(frame.payload);
      const leave = encodeJsonFrame(FrameType.command, Command.disconnectShim, {});
      await writeAll(connection, leave);
      // The proxy closes the connection when the token is free.
      while (await connection.read(buffer).catch(() => null) !== null);
      return undefined;
    }
    if (frame) continue;
    const count = await connection.read(buffer);
    if (count === null) {
      throw new Error("Cannot give a token back: the proxy closed the connection");
    }
    decoder.push(buffer.slice(0, count));
  }
}
