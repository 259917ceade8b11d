import { messageOf } from "../failure.ts";
import { STREAM_HEADER_LENGTH, writeStreamHeader } from "../hyperstart/mod.ts";
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
} from "./frame.ts";
import { trace, type TraceSpan, Tracing } from "../trace.ts";
import type { ProxyLimits } from "./limits.ts";
import type { ShimTerms } from "./payloads.ts";
import { writeLogRecord } from "./log_record.ts";
import type { Connection } from "./connection.ts";
import { FrameReader } from "./frame_reader.ts";
import { joinViews } from "./join_views.ts";
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

/** Neighbouring frames of stdin, as the guest gets them. */
interface StdinRun {
  frames: Uint8Array;
  /** Bytes of payload in them. */
  count: number;
}

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
      let run: StdinRun | undefined;
      for (let frame = frames.next(); frame; frame = frames.next()) {
        if (frame.type === FrameType.stream && frame.opcode === Stream.stdin) {
          const next = this.#rewriteStdin(frame);
          const joined = run && join(run, next);
          if (run && !joined) await this.#takeStdin(run);
          run = joined ?? next;
          continue;
        }
        if (run) await this.#takeStdin(run);
        run = undefined;
        await this.#handle(frame);
        if (this.#goodbye) return;
      }
      if (run) await this.#takeStdin(run);
    }
  }

  async #handle(frame: ProxyFrame): Promise<void> {
    if (frame.type === FrameType.command) return await this.#command(frame);
    if (frame.type !== FrameType.stream) {
      throw new ProtocolError(`protocol: unexpected frame type (${frame.type})`);
    }
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

  /** Turns a frame of stdin, in place, into the guest's: its header is as long as that of the proxy's, at its shortest. */
  #rewriteStdin({ payload, bytes }: ProxyFrame): StdinRun {
    if (!this.shim) throw new ProtocolError("stdin: client not associated with any I/O session");
    const { vm, session } = this.shim;
    if (payload.length > vm.maxStdin) {
      throw new ProtocolError(`stdin: ${payload.length} bytes in a frame, at most ${vm.maxStdin}`);
    }
    const offset = bytes.length - payload.length - STREAM_HEADER_LENGTH;
    writeStreamHeader(bytes, offset, session.base, payload.length);
    return { frames: offset === 0 ? bytes : bytes.subarray(offset), count: payload.length };
  }

  async #takeStdin({ frames, count }: StdinRun): Promise<void> {
    const { vm, session } = this.shim!;
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

function join(first: StdinRun, second: StdinRun): StdinRun | undefined {
  const frames = joinViews(first.frames, second.frames);
  return frames && { frames, count: first.count + second.count };
}

/* The rewriting in place above rests on this. */
PROXY_HEADER_LENGTH satisfies typeof STREAM_HEADER_LENGTH;
