import { ControlDecoder, encodeControlFrame, StreamDecoder } from "../../../lib/hyperstart/mod.ts";
import { ProxyDecoder } from "../../../lib/proxy/mod.ts";

/** One end of a connection, read by frames. */
export class FrameReader {
  readonly #decoder: { push(chunk: Uint8Array): void; next(): { bytes: Uint8Array } | undefined };

  constructor(readonly connection: Deno.Conn, kind: "ctl" | "tty" | "prx") {
    this.#decoder = kind === "ctl"
      ? new ControlBytes()
      : kind === "tty"
      ? new StreamDecoder()
      : new ProxyDecoder();
  }

  /** The bytes of the next frame; undefined at the end of the connection. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const frame = this.#decoder.next();
      if (frame) return frame.bytes.slice();
      const buffer = new Uint8Array(65536);
      const count = await this.connection.read(buffer).catch(() => null);
      if (count === null) return undefined;
      this.#decoder.push(buffer.subarray(0, count));
    }
  }
}

/** Control frames with their bytes, as the other decoders give them. */
class ControlBytes {
  readonly #decoder = new ControlDecoder();

  push(chunk: Uint8Array): void {
    this.#decoder.push(chunk);
  }

  next(): { bytes: Uint8Array } | undefined {
    const frame = this.#decoder.next();
    return frame && { bytes: encodeControlFrame(frame.code, frame.payload) };
  }
}
