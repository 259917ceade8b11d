import {
  ControlDecoder,
  encodeControlFrame,
  encodeGuestHello,
  encodeStreamFrame,
  GoCode,
  readU32,
  STREAM_HEADER_LENGTH,
  writeStreamHeader,
} from "../../lib/hyperstart/mod.ts";
import { writeAll } from "../../lib/proxy/mod.ts";

const CHUNK = 1 << 20, READ_SIZE = 1 << 20;

/** The guest's side of both channels, doing as little as it can: what is measured is in front of it. */
export class RelayGuest implements Disposable {
  readonly control: string;
  readonly stream: string;
  /** The first sequence of each process that was started. */
  readonly sequences: number[] = [];
  readonly #listeners: Deno.UnixListener[];
  readonly #connections: Promise<Deno.UnixConn>[];
  /** Bytes of stdin that are still to come, and who waits for them. */
  #expected = Infinity;
  #arrived = Promise.withResolvers<void>();

  /** @param maxPayload longest stream payload that it says it takes */
  constructor(directory: string, maxPayload: number) {
    this.control = `${directory}/ctl.sock`;
    this.stream = `${directory}/tty.sock`;
    this.#listeners = [this.control, this.stream].map((path) =>
      Deno.listen({ transport: "unix", path })
    );
    this.#connections = this.#listeners.map((each) => each.accept() as Promise<Deno.UnixConn>);
    this.#serveControl(maxPayload).catch(() => {});
    this.#readStdin().catch(() => {});
  }

  /** Writes `total` bytes of output for each sequence in turn, in frames of `payload` bytes. */
  async output(sequences: readonly number[], payload: number, total: number): Promise<void> {
    const connection = await this.#connections[1]!;
    const length = STREAM_HEADER_LENGTH + payload;
    const rounds = Math.max(1, Math.round(CHUNK / length / sequences.length));
    const chunk = new Uint8Array(rounds * sequences.length * length);
    for (let at = 0, frame = 0; at < chunk.length; at += length, frame++) {
      writeStreamHeader(chunk, at, sequences[frame % sequences.length]!, payload);
    }
    for (let sent = 0; sent < total; sent += rounds * payload) await writeAll(connection, chunk);
  }

  /** Tells the end of processes. */
  async exit(sequences: readonly number[]): Promise<void> {
    const connection = await this.#connections[1]!;
    for (const sequence of sequences) {
      await writeAll(connection, encodeStreamFrame(sequence));
      await writeAll(connection, encodeStreamFrame(sequence, Uint8Array.of(0)));
    }
  }

  /** Resolves when this many bytes of stdin, and a header for its end, have arrived from now on. */
  async input(total: number): Promise<void> {
    this.#arrived = Promise.withResolvers();
    this.#expected = total;
    await this.#arrived.promise;
  }

  [Symbol.dispose](): void {
    for (const listener of this.#listeners) listener.close();
    for (const each of this.#connections) each.then((one) => one.close()).catch(() => {});
  }

  async #serveControl(maxStreamPayload: number): Promise<void> {
    const connection = await this.#connections[0]!;
    const hello = encodeGuestHello({
      agent: "bench",
      version: "0",
      features: [],
      maxMessage: 0,
      maxStreamPayload,
      clock: 0,
    });
    await writeAll(connection, encodeControlFrame(GoCode.READY, hello));
    const frames = new ControlDecoder();
    const ack = encodeControlFrame(GoCode.ACK);
    const buffer = new Uint8Array(64 * 1024);
    for (let count; (count = await connection.read(buffer)) !== null;) {
      frames.push(buffer.subarray(0, count));
      for (let frame; (frame = frames.next());) {
        if (frame.code === GoCode.NEWCONTAINER) {
          const { process } = JSON.parse(new TextDecoder().decode(frame.payload));
          this.sequences.push(process.stdio);
        }
        await writeAll(connection, ack);
      }
    }
  }

  /** Counts payloads without making anything of the frames. */
  async #readStdin(): Promise<void> {
    const connection = await this.#connections[1]!;
    const buffer = new Uint8Array(READ_SIZE);
    let kept = 0, inPayload = 0;
    for (let count; (count = await connection.read(buffer.subarray(kept))) !== null;) {
      const end = kept + count;
      let at = 0;
      for (;;) {
        const part = Math.min(inPayload, end - at);
        at += part;
        inPayload -= part;
        this.#expected -= part;
        if (inPayload > 0 || end - at < STREAM_HEADER_LENGTH) break;
        inPayload = readU32(buffer, at + 8) - STREAM_HEADER_LENGTH;
        at += STREAM_HEADER_LENGTH;
        if (inPayload === 0 && this.#expected <= 0) this.#arrived.resolve();
      }
      buffer.copyWithin(0, at, end);
      kept = end - at;
    }
  }
}
