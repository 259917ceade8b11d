import type { Connection, TakenBytes } from "./connection.ts";
import { ProxyDecoder, type ProxyFrame } from "./frame.ts";

/** Reads frames from a connection. One that was handed out is valid until {@linkcode FrameReader.used} is called. */
export class FrameReader {
  readonly #connection: Connection;
  readonly #readSize: number;
  readonly #decoder = new ProxyDecoder();
  /** Made when it is needed: bytes from within this process come in arrays of their own. */
  #buffer: Uint8Array | undefined;
  #taken: TakenBytes | null = null;

  /** @param readSize bytes to read at once */
  constructor(connection: Connection, readSize: number) {
    this.#connection = connection;
    this.#readSize = readSize;
  }

  /** The next frame of those that have come. @throws {FrameError} */
  next(): ProxyFrame | undefined {
    return this.#decoder.next();
  }

  /** The stdin that comes next, as the decoder joins it. @throws {FrameError} */
  nextStdin(): Uint8Array | undefined {
    return this.#decoder.nextStdin();
  }

  /** All frames have been used. */
  used(): void {
    this.#taken?.used();
    this.#taken = null;
  }

  /** Waits for more bytes, once all frames have been taken and used. @returns false at the end of the connection */
  async more(): Promise<boolean> {
    this.used();
    const bytes = await (this.#connection.take ? this.#take() : this.#read());
    if (!bytes) return false;
    this.#decoder.push(bytes);
    return true;
  }

  async #take(): Promise<Uint8Array | undefined> {
    this.#taken = await this.#connection.take!();
    return this.#taken?.bytes;
  }

  async #read(): Promise<Uint8Array | null> {
    const buffer = this.#buffer ??= new Uint8Array(this.#readSize);
    const kept = this.#decoder.movePending(buffer);
    const count = await this.#connection.read(buffer.subarray(kept));
    return count === null ? null : buffer.subarray(0, kept + count);
  }
}
