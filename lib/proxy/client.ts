import { type ConnectOptions, connectWithRetry } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { TimeoutError, within } from "./deadline.ts";
import { Command, encodeJsonFrame, FrameType, ProxyDecoder, type ProxyFrame } from "./frame.ts";
import {
  type AttachVM,
  type IoDescription,
  parseErrorMessage,
  parseIoResponse,
  type RegisterVM,
} from "./payloads.ts";
import type { TraceSpan } from "../trace.ts";
import { ProxyError } from "./proxy_error.ts";
import { parseTrace, TRACE_NAME } from "./trace_payload.ts";
import { Turn } from "./turn.ts";
import { writeAll } from "./write_all.ts";

/** Limits of one command. */
export interface CommandOptions {
  /** Milliseconds until the connection is given up. Default 60 s, for RegisterVM 90 s. */
  timeout?: number;
  /** Gives the connection up with its reason. */
  signal?: AbortSignal;
}

const COMMAND_TIMEOUT = 60_000;
/** The guest boots meanwhile: longer than the proxy's own wait for READY, so that its error arrives. */
const REGISTER_TIMEOUT = 90_000;
const READ_SIZE = 16 * 1024;

/**
 * A connection of the runtime's kind to a proxy (cc-proxy-protocol 3, 4). Commands are answered one after the other;
 * calls may overlap and wait for each other. A command that runs out of time leaves no telling which answer belongs to
 * what, so it closes the connection.
 */
export class ProxyClient implements Disposable {
  readonly #connection: Connection;
  readonly #turn = new Turn();
  readonly #decoder = new ProxyDecoder();
  readonly #buffer = new Uint8Array(READ_SIZE);
  #closed: string | undefined;

  /** @param connection to a proxy, which is this client's from now on */
  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Connects to a proxy that may still be starting. Throws as `connectWithRetry`. */
  static async connect(url: string, options?: ConnectOptions): Promise<ProxyClient> {
    return new ProxyClient(await connectWithRetry(url, options));
  }

  /** Makes the proxy connect to a VM's channels and wait for its guest; then as {@linkcode attachVM}. */
  async registerVM(vm: RegisterVM, options: CommandOptions = {}): Promise<IoDescription> {
    const { console, numIOStreams, trace, ...always } = vm;
    const request = {
      ...always,
      ...(console ? { console } : {}),
      ...(numIOStreams ? { numIOStreams } : {}),
      ...(trace ? { trace } : {}),
    };
    const limits = { timeout: REGISTER_TIMEOUT, ...options };
    return tokensOf(await this.#command(Command.registerVM, "RegisterVM", request, limits), vm);
  }

  /** Binds this connection to a registered VM and has tokens for new processes made. */
  async attachVM(vm: AttachVM, options?: CommandOptions): Promise<IoDescription> {
    const { containerId, numIOStreams, trace, spare } = vm;
    const request = {
      containerId,
      ...(numIOStreams ? { numIOStreams } : {}),
      ...(trace ? { trace } : {}),
      ...(spare ? { spare } : {}),
    };
    return tokensOf(await this.#command(Command.attachVM, "AttachVM", request, options), vm);
  }

  /**
   * Sends a command to the guest of the attached VM.
   *
   * @param name one of `HOST_COMMANDS`
   * @param tokens the process's token for newcontainer and execcmd, else none
   * @param data the guest message; undefined for none
   * @returns the payload of the guest's ACK
   */
  hyper(
    name: string,
    tokens: readonly string[],
    data: unknown,
    options?: CommandOptions,
  ): Promise<Uint8Array> {
    const request = { hyperName: name, tokens: tokens.length > 0 ? tokens : null, data };
    return this.#command(Command.hyper, `Hyper ${name}`, request, options);
  }

  /**
   * What the proxy and the guest have recorded since this client registered or attached with `trace`; that ends it.
   *
   * @throws {ProxyError} when the proxy knows nothing of traces
   */
  async endTrace(options?: CommandOptions): Promise<TraceSpan[]> {
    return parseTrace(await this.hyper(TRACE_NAME, [], undefined, options));
  }

  /** Forgets a VM. */
  async unregisterVM(containerId: string, options?: CommandOptions): Promise<void> {
    await this.#command(Command.unregisterVM, "UnregisterVM", { containerId }, options);
  }

  /** Whether it takes no more commands: closed, or lost. */
  get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** Closes the connection. Commands in flight fail. */
  close(): void {
    this.#close("the connection is closed");
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #command(
    opcode: number,
    name: string,
    request: unknown,
    { timeout = COMMAND_TIMEOUT, signal }: CommandOptions = {},
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const onAbort = () => this.#close("the command was aborted");
    signal?.addEventListener("abort", onAbort);
    try {
      const text = () => `Cannot complete ${name}: no answer from the proxy in ${timeout / 1000} s`;
      const response = await within(this.#exchange(opcode, name, request), timeout, text);
      if (response.error) throw new ProxyError(parseErrorMessage(response.payload));
      return response.payload;
    } catch (error) {
      if (error instanceof TimeoutError) this.#close("an earlier command had no answer");
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  async #exchange(opcode: number, name: string, request: unknown): Promise<ProxyFrame> {
    using _turn = await this.#turn.take();
    if (this.#closed) throw new Error(`Cannot send ${name} to the proxy: ${this.#closed}`);
    try {
      await writeAll(this.#connection, encodeJsonFrame(FrameType.command, opcode, request));
      return await this.#response(opcode);
    } catch (cause) {
      const reason = this.#closed ?? (cause instanceof Error ? cause.message : String(cause));
      this.#close(reason);
      throw new Error(`Cannot complete ${name} at the proxy: ${reason}`, { cause });
    }
  }

  async #response(opcode: number): Promise<ProxyFrame> {
    for (;;) {
      for (let frame = this.#decoder.next(); frame; frame = this.#decoder.next()) {
        if (frame.type !== FrameType.response) continue;
        if (frame.opcode === opcode) return { ...frame, payload: frame.payload.slice() };
        throw new Error(`it answered command ${frame.opcode} instead of ${opcode}`);
      }
      const count = await this.#connection.read(this.#buffer);
      if (count === null) throw new Error("it closed the connection");
      this.#decoder.push(this.#buffer.subarray(0, count));
    }
  }

  #close(reason: string): void {
    if (this.#closed) return;
    this.#closed = reason;
    this.#connection.close();
  }
}

function tokensOf(payload: Uint8Array, vm: { numIOStreams?: number }): IoDescription {
  const io = parseIoResponse(payload);
  const expected = vm.numIOStreams ?? 0;
  if (io.tokens.length !== expected) {
    throw new Error(`${io.tokens.length} tokens retrieved out of ${expected} expected`);
  }
  return io;
}
