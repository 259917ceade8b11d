import { messageOf } from "../failure.ts";
import { writeU32 } from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import {
  Command,
  encodeJsonFrame,
  encodeProxyFrame,
  FrameType,
  Notification,
  parseConnectShim,
  parseSignalCommand,
  ProxyDecoder,
  type ProxyFrame,
  type ShimTerms,
  Stream,
  writeAll,
} from "../proxy/mod.ts";
import { HOLDING_TOKEN } from "./attach.ts";
import type { ShimResult } from "./shim.ts";
import type { TerminalSize } from "./terminal.ts";

const log = getLogger("shim");
const READ_SIZE = 64 * 1024;
/** Bytes that may wait for a client before it is sent away. */
const QUEUE_BOUND = 1 << 20;
/** What a client may have under way of stdin, so that its other frames are never stuck behind it. */
const TERMS: ShimTerms = { maxStdin: 32 * 1024, stdinCredit: 256 * 1024 };

/** The process that clients attach to. */
export interface AttachTarget {
  /** Takes stdin, or its end; resolves when the process's proxy has taken it. */
  input(bytes: Uint8Array): Promise<void>;
  signal(number: number, size?: TerminalSize): Promise<void>;
}

/** One who has attached: to it, this is a proxy. */
export class AttachedClient {
  /** Resolves when it has gone. Never rejects. */
  readonly served: Promise<void>;
  readonly #connection: Deno.Conn;
  readonly #target: AttachTarget;
  readonly #waiting: Uint8Array[] = [];
  #size = 0;
  #sending: Promise<void> | undefined;
  #input = 0;
  /** The process waits for it. */
  #holdsBack = false;
  #roomy: PromiseWithResolvers<void> | undefined;
  /** It has said that it is there. */
  #joined = false;
  #closed = false;

  constructor(connection: Deno.Conn, target: AttachTarget) {
    this.#connection = connection;
    this.#target = target;
    this.served = this.#serve();
  }

  /** Whether the process waits for it. */
  get holdsBack(): boolean {
    return this.#holdsBack;
  }

  /** Sends output. Returns a promise when there should be no more until it resolves. */
  output(stream: number, bytes: Uint8Array): Promise<void> | undefined {
    if (!this.#joined) return;
    this.#send(encodeProxyFrame(FrameType.stream, stream, bytes));
    if (this.#closed || this.#size <= QUEUE_BOUND) return;
    this.#roomy ??= Promise.withResolvers();
    return this.#roomy.promise;
  }

  /** Says how the process ended; resolves when all has been taken, or the client is gone. */
  async finish(result: ShimResult): Promise<void> {
    if (result.kind === "exited") {
      this.#notify(Notification.processExited, Uint8Array.of(result.code));
    } else this.#notify(Notification.processLost, new TextEncoder().encode(result.reason));
    await this.#sending;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.length = 0;
    this.#makeRoom();
    this.#connection.close();
  }

  #notify(opcode: number, payload: Uint8Array): void {
    this.#send(encodeProxyFrame(FrameType.notification, opcode, payload));
  }

  #send(frame: Uint8Array): void {
    if (this.#closed) return;
    this.#waiting.push(frame);
    this.#size += frame.length;
    if (this.#size > QUEUE_BOUND && !this.#holdsBack) {
      log.warn("Sending away an attached client that does not read");
      return this.close();
    }
    this.#sending ??= this.#drain().finally(() => this.#sending = undefined);
  }

  async #drain(): Promise<void> {
    try {
      for (let frame; (frame = this.#waiting.shift());) {
        await writeAll(this.#connection, frame);
        this.#size -= frame.length;
        if (this.#size <= QUEUE_BOUND) this.#makeRoom();
      }
    } catch {
      this.close();
    }
  }

  #makeRoom(): void {
    this.#roomy?.resolve();
    this.#roomy = undefined;
  }

  async #serve(): Promise<void> {
    const decoder = new ProxyDecoder({ maxPayload: TERMS.maxStdin });
    const buffer = new Uint8Array(READ_SIZE);
    try {
      while (!this.#closed) {
        const count = await this.#connection.read(buffer);
        if (count === null) return;
        decoder.push(buffer.subarray(0, count));
        for (let frame = decoder.next(); frame; frame = decoder.next()) {
          if (!await this.#handle(frame)) return;
        }
      }
    } catch (error) {
      if (!this.#closed) log.debug("An attached client is gone", { error: messageOf(error) });
    } finally {
      this.close();
    }
  }

  /** @returns whether the client may stay */
  async #handle({ type, opcode, payload }: ProxyFrame): Promise<boolean> {
    if (type === FrameType.stream) return opcode === Stream.stdin && this.#takeInput(payload);
    if (type !== FrameType.command || opcode === Command.disconnectShim) return false;
    try {
      const answer = await this.#carryOut(opcode, payload);
      this.#send(encodeJsonFrame(FrameType.response, opcode, answer));
    } catch (error) {
      this.#send(encodeJsonFrame(FrameType.response, opcode, { msg: messageOf(error) }, true));
    }
    return true;
  }

  #takeInput(bytes: Uint8Array): boolean {
    const { length } = bytes;
    this.#input += length;
    if (this.#input > TERMS.stdinCredit) return false;
    this.#target.input(bytes).then(() => {
      this.#input -= length;
      const taken = new Uint8Array(4);
      writeU32(taken, 0, length);
      if (length > 0) this.#notify(Notification.stdinTaken, taken);
    });
    return true;
  }

  async #carryOut(opcode: number, payload: Uint8Array): Promise<unknown> {
    if (opcode === Command.connectShim) {
      this.#holdsBack = parseConnectShim(payload).token === HOLDING_TOKEN;
      this.#joined = true;
      return TERMS;
    }
    if (opcode !== Command.signal) {
      throw new Error(`Cannot do command ${opcode} on attached streams`);
    }
    const { signalNumber, columns, rows } = parseSignalCommand(payload);
    const size = columns > 0 || rows > 0 ? { columns, rows } : undefined;
    await this.#target.signal(signalNumber, size);
    return {};
  }
}
