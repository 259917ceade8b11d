import { messageOf } from "../failure.ts";
import { readU32, STREAM_HEADER_LENGTH, writeStreamHeader } from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import { type CommandContext, COMMANDS } from "./commands.ts";
import {
  Command,
  encodeJsonFrame,
  encodeProxyFrame,
  FrameType,
  Notification,
  PROXY_HEADER_LENGTH,
  type ProxyFrame,
  Stream,
  writeProxyHeader,
} from "./frame.ts";
import { trace, type TraceSpan, Tracing } from "../trace.ts";
import type { ProxyLimits } from "./limits.ts";
import type { ShimTerms } from "./payloads.ts";
import { writeLogRecord } from "./log_record.ts";
import type { Connection } from "./connection.ts";
import { FrameReader } from "./frame_reader.ts";
import type { Registry } from "./registry.ts";
import type { Session, ShimConnection } from "./session.ts";
import type { ServedShim } from "./shim_host.ts";
import { StdinQueue } from "./stdin_queue.ts";
import { Turn } from "./turn.ts";
import type { Vm } from "./vm.ts";

const log = getLogger("proxy");
const READ_SIZE = 128 * 1024;
const COMMAND_NAMES = Object.keys(Command);
const STREAM_NAMES = ["stdin", "stdout", "stderr", "log"];

/** Ends a connection without a response: the client broke the protocol. */
class ProtocolError extends Error {}

/**
 * One client. It is served a frame at a time: a command is handled and answered before the next frame is read, and
 * stdin is read no faster than the guest takes it.
 */
export class ServerConnection implements CommandContext, ShimConnection {
  readonly registry: Registry;
  readonly limits: ProxyLimits;
  vm: Vm | undefined;
  shim: { vm: Vm; session: Session } | undefined;
  readonly unkept = new Map<string, ServedShim>();
  readonly #connection: Connection;
  readonly #turn = new Turn();
  #afterResponse: (() => void) | undefined;
  #stdin: StdinQueue | undefined;
  #goodbye = false;
  #closed = false;
  #tracing: Tracing | undefined;

  constructor(connection: Connection, registry: Registry, limits: ProxyLimits) {
    this.#connection = connection;
    this.registry = registry;
    this.limits = limits;
  }

  /** Serves the client until it goes, breaks the protocol or says goodbye. */
  async serve(): Promise<void> {
    try {
      await this.#readFrames();
    } catch (error) {
      if (!this.#closed) log.debug("Closing a client's connection", { error: messageOf(error) });
    } finally {
      this.close();
      this.#tracing?.[Symbol.dispose]();
      this.#leave();
    }
  }

  async writeFrames(frames: Uint8Array): Promise<number> {
    using _turn = await this.#turn.take();
    let written = 0;
    try {
      while (written < frames.length) {
        written += await this.#connection.write(written ? frames.subarray(written) : frames);
      }
    } catch {
      this.close();
    }
    return written;
  }

  async tellLoss(reason: string): Promise<void> {
    if (!this.#stdin) return;
    const { notification } = FrameType;
    const payload = new TextEncoder().encode(reason);
    await this.writeFrames(encodeProxyFrame(notification, Notification.processLost, payload));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
  }

  afterResponse(action: () => void): void {
    this.#afterResponse = action;
  }

  grantTerms(terms: ShimTerms): ShimTerms {
    this.#stdin = new StdinQueue(this, terms.stdinCredit);
    return terms;
  }

  startTrace(): void {
    this.#tracing ??= new Tracing("proxy");
  }

  async endTrace(): Promise<readonly TraceSpan[] | undefined> {
    if (!this.#tracing) return undefined;
    using tracing = this.#tracing;
    await this.vm?.trace(!tracing.isLast);
    this.#tracing = undefined;
    return tracing.spans;
  }

  /** DisconnectShim: the connection is closed without a response. */
  sayGoodbye(): void {
    this.#goodbye = true;
  }

  async #readFrames(): Promise<void> {
    const frames = new FrameReader(this.#connection, READ_SIZE);
    while (await frames.more()) {
      for (;;) {
        const stdin = frames.nextStdin();
        if (stdin) await this.#takeStdin(stdin);
        const frame = frames.next();
        if (!frame) break;
        await this.#handle(frame);
        if (this.#goodbye) return;
      }
    }
  }

  async #handle(frame: ProxyFrame): Promise<void> {
    if (frame.type === FrameType.command) return await this.#command(frame);
    if (frame.type !== FrameType.stream) {
      throw new ProtocolError(`protocol: unexpected frame type (${frame.type})`);
    }
    if (frame.opcode === Stream.stdin) return await this.#takeStdin(withPlainHeader(frame));
    if (frame.opcode === Stream.log) return writeLogRecord(frame.payload);
    throw new ProtocolError(`no handler for stream ${STREAM_NAMES[frame.opcode]}`);
  }

  async #command({ opcode, payload }: ProxyFrame): Promise<void> {
    let response: Uint8Array;
    using _span = trace(COMMAND_NAMES[opcode]!);
    try {
      const answer = await COMMANDS[opcode]!(this, payload);
      response = answer instanceof Uint8Array || answer === undefined
        ? encodeProxyFrame(FrameType.response, opcode, answer)
        : encodeJsonFrame(FrameType.response, opcode, answer);
    } catch (error) {
      response = encodeJsonFrame(FrameType.response, opcode, { msg: messageOf(error) }, true);
    }
    if (opcode === Command.disconnectShim && this.#goodbye) return;
    const written = this.writeFrames(response);
    this.#afterResponse?.();
    this.#afterResponse = undefined;
    await written;
  }

  /**
   * Turns frames of stdin, in place, into the guest's, whose headers are as long.
   *
   * @returns bytes of payload in them
   */
  #rewriteStdin(frames: Uint8Array, { vm, session }: { vm: Vm; session: Session }): number {
    let count = 0;
    for (let at = 0; at < frames.length;) {
      const length = readU32(frames, at + 8);
      if (length > vm.maxStdin) {
        throw new ProtocolError(`stdin: ${length} bytes in a frame, at most ${vm.maxStdin}`);
      }
      writeStreamHeader(frames, at, session.base, length);
      at += STREAM_HEADER_LENGTH + length;
      count += length;
    }
    return count;
  }

  /** Passes on frames of stdin, all with headers of 12 bytes. */
  async #takeStdin(frames: Uint8Array): Promise<void> {
    if (!this.shim) throw new ProtocolError("stdin: client not associated with any I/O session");
    const { vm, session } = this.shim;
    const count = this.#rewriteStdin(frames, this.shim);
    const write = async (frames: Uint8Array, count: number) => {
      const message = `timeout waiting for process with token ${session.token}`;
      await session.started.wait(this.limits.processTimeout, message);
      await session.takeInputRoom(count);
      if (!session.hasExited) await vm.writeStdin(frames);
    };
    if (this.#stdin) await this.#stdin.push(frames, count, write);
    else await write(frames, count);
  }

  /** Shims that it has not kept go with it. A shim that goes without a goodbye may come back for a while. */
  #leave(): void {
    for (const shim of this.unkept.values()) shim.release();
    if (!this.shim) return;
    const { vm, session } = this.shim;
    if (this.#goodbye || !session.detach(this)) return;
    this.registry.waitForReturn(vm, session);
  }
}

/** The frame with a header of 12 bytes, in place. */
function withPlainHeader({ type, opcode, payload, bytes }: ProxyFrame): Uint8Array {
  const offset = bytes.length - payload.length - PROXY_HEADER_LENGTH;
  writeProxyHeader(bytes, offset, type, opcode, payload.length);
  return bytes.subarray(offset);
}

/* The rewriting in place above rests on this. */
PROXY_HEADER_LENGTH satisfies typeof STREAM_HEADER_LENGTH;
