import { messageOf } from "../failure.ts";
import { readU32 } from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import {
  connectWithRetry,
  type Dial,
  FrameType,
  Notification,
  type ProxyFrame,
  Stream,
} from "../proxy/mod.ts";
import { SIGNALS } from "../sys/mod.ts";
import { trace } from "../trace.ts";
import { ShimConnection } from "./connection.ts";
import { OutputWriter } from "./output_writer.ts";
import { OwnStdin } from "./own_stdin.ts";
import { StdinPump } from "./stdin_pump.ts";
import type { ShimStreams } from "./streams.ts";
import { Terminal, type TerminalSize } from "./terminal.ts";

const log = getLogger("shim");

/** How long a process may go on writing to a broken pipe, in milliseconds. */
const BROKEN_GRACE = 500;
/** How long the built-in proxy is looked for again, in milliseconds: with its process it has lost the token too. */
const OWN_PROXY_TIMEOUT = 200;
/** Exit code when not all output could be written: whatever the process's own is, this did not work. */
const LOST_OUTPUT = 125;
/** What is told of a proxy's reason, in bytes. */
const MAX_REASON = 1024;

/** Whose streams a shim carries, and how. */
export interface ShimOptions extends ShimStreams {
  /** Address of the proxy. */
  url: string;
  /** Another way to the proxy than its socket. */
  dial?: Dial | undefined;
  /** The process's token. */
  token: string;
  /** Container of the process, for the log. */
  container: string;
  /** Milliseconds for which a lost proxy is looked for again. Default 0: not at all. */
  reconnectTimeout?: number;
  /**
   * Others share the process's streams: its stdin is left alone unless `interactive`, and output that nobody takes here
   * is only dropped.
   */
  shared?: boolean;
  /** Called when the token is first claimed: from then on output arrives here. */
  onConnected?: () => void;
}

/** How a process's streams ended: with the process, or without word of it. */
export type ShimResult = { kind: "exited"; code: number } | { kind: "lost"; reason: string };

/** Carries the streams and signals of one process between a proxy and this process's own (cc-proxy-protocol 8). */
export class Shim {
  readonly #options: ShimOptions;
  readonly #abort = new AbortController();
  readonly #stdin: StdinPump;
  readonly #output: OutputWriter;
  #connection: ShimConnection | undefined;
  #connected = Promise.withResolvers<ShimConnection>();
  #exitCode: number | undefined;
  /** Why there will be no exit code, as the proxy says. */
  #lost: string | undefined;
  /** When the process was told that nobody reads its output. */
  #brokenSince: number | undefined;
  #killed = false;
  /** Output was lost, and not because nobody wanted it: a disk is full, or fails. */
  #lostOutput = false;

  constructor(options: ShimOptions) {
    this.#options = options;
    this.#stdin = new StdinPump(options.interactive ? options.stdin ?? new OwnStdin() : undefined);
    this.#output = new OutputWriter({
      stdout: options.stdout ?? Deno.stdout,
      stderr: options.stderr ?? Deno.stderr,
      onBroken: (error) => this.#outputIsBroken(error),
    });
    this.#connected.promise.catch(() => {});
  }

  /**
   * Serves the process until it has ended and all its output is written. The terminal is back in its old mode then,
   * whichever way it went.
   */
  async run(): Promise<ShimResult> {
    const { terminal, interactive } = this.#options;
    using _terminal = terminal
      ? new Terminal(interactive, (size) => this.#send(SIGNALS.WINCH!, size))
      : undefined;
    if (interactive || !this.#options.shared) this.#stdin.run();
    try {
      return await this.#serve();
    } finally {
      this.#stdin.stop();
      this.close();
    }
  }

  /**
   * Sends a signal to the process, once the proxy is connected; resolves when it was taken, or the process has ended.
   *
   * @param size of the terminal, with SIGWINCH only
   * @throws {ProxyError} with the proxy's text when it refuses
   */
  async signal(number: number, size?: TerminalSize): Promise<void> {
    await this.#send(number, size);
  }

  /** Lets go of the proxy: {@linkcode Shim.run} ends. */
  close(): void {
    this.#abort.abort(new Error("the shim was closed"));
    this.#connected.reject(this.#abort.signal.reason);
    this.#connection?.close();
  }

  async #serve(): Promise<ShimResult> {
    const { url, token, reconnectTimeout = 0 } = this.#options;
    const dial = this.#options.dial ?? ((options) => connectWithRetry(url, options));
    const { signal } = this.#abort;
    let timeout: number | undefined;
    let before: string | undefined;
    for (;;) {
      let reason = "the proxy closed the connection";
      let claimed = false;
      try {
        const options = timeout === undefined ? { signal } : { signal, timeout };
        const opening = trace("claim the streams", "shim");
        const connection = await ShimConnection.open(dial, token, options);
        opening[Symbol.dispose]();
        claimed = true;
        this.#attach(connection);
        await this.#readFrom(connection);
      } catch (error) {
        // A proxy that dies with something unread resets the connection.
        if (!claimed || !(error instanceof Deno.errors.ConnectionReset)) reason = messageOf(error);
        if (!claimed) {
          return { kind: "lost", reason: before === undefined ? reason : `${before} (${reason})` };
        }
      }
      if (this.#exitCode !== undefined) {
        this.#connection?.settle();
        await this.#connection?.disconnect().catch(() => {});
        return { kind: "exited", code: this.#lostOutput ? LOST_OUTPUT : this.#exitCode };
      }
      if (this.#lost !== undefined) return { kind: "lost", reason: this.#lost };
      if (signal.aborted || reconnectTimeout <= 0) return { kind: "lost", reason };
      log.warn("Lost the proxy, connecting again", {
        container: this.#options.container,
        reason,
      });
      before = reason;
      this.#detach();
      const isOwn = this.#connection !== undefined && this.#connection.terms.stdinCredit > 0;
      timeout = isOwn ? Math.min(reconnectTimeout, OWN_PROXY_TIMEOUT) : reconnectTimeout;
    }
  }

  #attach(connection: ShimConnection): void {
    const isFirst = this.#connection === undefined;
    this.#connection = connection;
    // It may have been closed while the token was claimed.
    if (this.#abort.signal.aborted) connection.close();
    this.#connected.resolve(connection);
    this.#stdin.attach(connection);
    if (isFirst) this.#options.onConnected?.();
  }

  #detach(): void {
    this.#connection?.close();
    this.#connected = Promise.withResolvers();
    this.#connected.promise.catch(() => {});
    this.#stdin.detach();
  }

  async #readFrom(connection: ShimConnection): Promise<void> {
    const take = (frame: ProxyFrame) => this.#take(frame);
    const flush = () => this.#output.flush();
    {
      using _span = trace("wait for the first frame", "shim");
      if (!await connection.read(take, flush)) return;
    }
    using _span = trace("frames up to the last", "shim");
    while (!this.#isOver && await connection.read(take, flush));
  }

  get #isOver(): boolean {
    return this.#exitCode !== undefined || this.#lost !== undefined;
  }

  /** @returns something to wait for before the next frame, if there is */
  #take(frame: ProxyFrame): Promise<void> | undefined {
    const { type, opcode, payload } = frame;
    if (type === FrameType.stream && (opcode === Stream.stdout || opcode === Stream.stderr)) {
      return this.#output.add(frame);
    }
    if (type === FrameType.notification) {
      if (opcode === Notification.stdinTaken && payload.length === 4) {
        this.#stdin.taken(readU32(payload, 0));
      } else if (opcode === Notification.processExited && payload.length > 0) {
        this.#exitCode ??= this.#killed ? 128 + SIGNALS.PIPE! : payload[0]!;
      } else if (opcode === Notification.processLost) {
        this.#lost = new TextDecoder().decode(payload.subarray(0, MAX_REASON));
      }
    } else if (type === FrameType.response) {
      this.#connection?.respond(frame);
    }
    return undefined;
  }

  async #send(number: number, size?: TerminalSize): Promise<void> {
    const connection = await this.#connected.promise;
    await connection.signal(number, size);
  }

  /**
   * Nobody reads the output any more. As in a pipeline the process is told by SIGPIPE; one that writes on regardless, as
   * the first process of a container must where it has no handler, is killed. The same goes for output that cannot be
   * written for another reason, which is told.
   */
  #outputIsBroken(error: unknown): void {
    if (this.#killed || this.#options.shared) return;
    if (error !== undefined && !(error instanceof Deno.errors.BrokenPipe)) {
      this.#lostOutput = true;
      log.error("output cannot be written", { container: this.#options.container, error });
    }
    const now = performance.now();
    const isNews = this.#brokenSince === undefined;
    this.#brokenSince ??= now;
    if (!isNews && now - this.#brokenSince < BROKEN_GRACE) return;
    this.#killed = !isNews;
    this.#send(isNews ? SIGNALS.PIPE! : SIGNALS.KILL!).catch(() => {});
  }
}
