import {
  Command,
  type Connection,
  type Dial,
  encodeJsonFrame,
  encodeProxyFrame,
  FrameReader,
  FrameType,
  isToken,
  parseErrorMessage,
  parseShimTerms,
  PROXY_HEADER_LENGTH,
  ProxyError,
  type ProxyFrame,
  type ShimTerms,
  Stream,
  Turn,
  writeAll,
  writeProxyHeader,
} from "../proxy/mod.ts";
import { READ_SIZE } from "./output_writer.ts";
import type { TerminalSize } from "./terminal.ts";

const CLOSED = "Cannot signal the process: the proxy's connection is closed";

/** A shim's connection to the proxy, bound to its token. */
export class ShimConnection {
  readonly terms: ShimTerms;
  readonly #connection: Connection;
  readonly #frames: FrameReader;
  readonly #turn = new Turn();
  #waiting: PromiseWithResolvers<void>[] = [];
  #closed = false;
  /** Memory for frames of stdin. */
  #stdin = new Uint8Array(0);

  private constructor(connection: Connection, frames: FrameReader, terms: ShimTerms) {
    this.#connection = connection;
    this.#frames = frames;
    this.terms = terms;
  }

  /**
   * Connects and claims the token.
   *
   * @param timeout milliseconds to wait for a proxy that does not listen (yet)
   * @throws {ProxyError} when the proxy refuses the token
   */
  static async open(
    dial: Dial,
    token: string,
    { timeout, signal }: { timeout?: number; signal: AbortSignal },
  ): Promise<ShimConnection> {
    if (!isToken(token)) throw new Error("Cannot use the token: it is not URL-safe base64");
    const connection = await dial({
      signal,
      ...(timeout === undefined ? {} : { timeout }),
    });
    const close = () => connection.close();
    signal.addEventListener("abort", close);
    try {
      // It may have been aborted while the connection was made: nobody will call then.
      if (signal.aborted) close();
      const request = { token, terms: true };
      await writeAll(
        connection,
        encodeJsonFrame(FrameType.command, Command.connectShim, request),
      );
      const frames = new FrameReader(connection, READ_SIZE);
      let response = frames.next();
      while (!response && await frames.more()) response = frames.next();
      if (!response) throw new Error("the proxy closed the connection");
      if (response.error) throw new ProxyError(parseErrorMessage(response.payload));
      return new ShimConnection(connection, frames, parseShimTerms(response.payload));
    } catch (error) {
      if (!signal.aborted) connection.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", close);
    }
  }

  /** Takes the frames of one read, one after the other, then calls `atEnd`; false at the end of the connection. */
  async read(
    take: (frame: ProxyFrame) => Promise<void> | undefined,
    atEnd: () => Promise<void>,
  ): Promise<boolean> {
    let some = false;
    for (let frame = this.#frames.next(); frame; frame = this.#frames.next()) {
      const taken = take(frame);
      if (taken) await taken;
      some = true;
    }
    await atEnd();
    if (some) return true;
    return await this.#frames.more();
  }

  /** Writes a piece of stdin, in as many frames as the terms ask for; an empty one is its end. One at a time. */
  async writeStdin(piece: Uint8Array): Promise<void> {
    const length = piece.length + PROXY_HEADER_LENGTH * framesOf(piece, this.terms.maxStdin);
    if (this.#stdin.length < length) this.#stdin = new Uint8Array(length);
    const frames = this.#stdin.subarray(0, length);
    encodeStdin(piece, this.terms.maxStdin, frames);
    await this.#write(frames);
  }

  /**
   * Sends a signal and waits for its response, which {@linkcode ShimConnection.respond} is given.
   *
   * @param size of the terminal, with SIGWINCH only
   * @throws {ProxyError} with the proxy's text when it refuses
   */
  async signal(signalNumber: number, size?: TerminalSize): Promise<void> {
    if (this.#closed) throw new Error(CLOSED);
    const response = Promise.withResolvers<void>();
    this.#waiting.push(response);
    const request = { signalNumber, ...size };
    this.#write(encodeJsonFrame(FrameType.command, Command.signal, request)).catch(response.reject);
    await response.promise;
  }

  /** Takes a response that was read: the proxy answers in order. */
  respond({ opcode, error, payload }: ProxyFrame): void {
    if (opcode !== Command.signal) return;
    const waiting = this.#waiting.shift();
    if (error) waiting?.reject(new ProxyError(parseErrorMessage(payload)));
    else waiting?.resolve();
  }

  /** The process has ended: signals under way have nothing left to do. */
  settle(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }

  /** Says goodbye: the token is used up. */
  async disconnect(): Promise<void> {
    this.#frames.used();
    await this.#write(encodeProxyFrame(FrameType.command, Command.disconnectShim));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    for (const { reject } of this.#waiting.splice(0)) reject(new Error(CLOSED));
  }

  async #write(frame: Uint8Array): Promise<void> {
    using _turn = await this.#turn.take();
    await writeAll(this.#connection, frame);
  }
}

/** How many frames a piece of stdin takes; one without payload for an empty piece. */
function framesOf(piece: Uint8Array, maxPayload: number): number {
  return Math.max(1, Math.ceil(piece.length / maxPayload));
}

/** Writes frames of stdin of at most `maxPayload` bytes, one behind the other. */
function encodeStdin(piece: Uint8Array, maxPayload: number, frames: Uint8Array): void {
  const count = framesOf(piece, maxPayload);
  for (let frame = 0, at = 0; frame < count; frame++) {
    const payload = piece.subarray(frame * maxPayload, (frame + 1) * maxPayload);
    writeProxyHeader(frames, at, FrameType.stream, Stream.stdin, payload.length);
    frames.set(payload, at + PROXY_HEADER_LENGTH);
    at += PROXY_HEADER_LENGTH + payload.length;
  }
}
