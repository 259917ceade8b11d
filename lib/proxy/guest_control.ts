import { messageOf } from "../failure.ts";
import {
  codeName,
  ControlDecoder,
  type ControlFrame,
  encodeControlFrame,
  GoCode,
  type GuestHello,
  type HelloLimits,
  parseGuestHello,
  parseProcessEvent,
  type ProcessEvent,
} from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import { Deadlines, TimeoutError, within } from "./deadline.ts";
import { Turn } from "./turn.ts";
import { writeAll } from "./write_all.ts";

const log = getLogger("proxy");
const READ_SIZE = 16 * 1024;
const decoder = new TextDecoder();

/** The guest has answered a command with ERROR. */
export class GuestError extends Error {
  override readonly name = "GuestError";
}

/** What a control channel needs to know. */
export interface GuestControlOptions {
  /** Milliseconds to wait for each reply. */
  replyTimeout: number;
  helloLimits: HelloLimits;
  /** A process has ended, in the way that C hyperstart 1.1 tells it. */
  onProcessEvent(event: ProcessEvent): void;
}

/**
 * The control channel of a VM: one command at a time, each answered by one ACK or ERROR (hyperstart-protocol 5.2).
 * Frames that are no replies (NEXT, events, a late PODFINISHED) never pass for one. A reply that comes after its
 * command ran out of time still belongs to that command: the next one is sent only then, so replies cannot shift.
 */
export class GuestControl {
  readonly #connection: Deno.UnixConn;
  readonly #options: GuestControlOptions;
  readonly #turn = new Turn();
  readonly #ready = Promise.withResolvers<GuestHello>();
  readonly #deadlines: Deadlines;
  #isReady = false;
  #reply: PromiseWithResolvers<Uint8Array> | undefined;
  #closed: Error | undefined;

  constructor(connection: Deno.UnixConn, options: GuestControlOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#deadlines = new Deadlines(options.replyTimeout);
    this.#ready.promise.catch(() => {});
  }

  /** Waits for the guest's READY, for at most `milliseconds`. */
  async ready(milliseconds: number): Promise<GuestHello> {
    const text = () => "timeout waiting for READY from VM agent";
    return await within(this.#ready.promise, milliseconds, text);
  }

  /**
   * Sends a command and waits for the guest's reply.
   *
   * @returns the payload of the ACK
   * @throws {Error} with the guest's text when it answers ERROR; when it does not answer in time, or the channel closes
   */
  async request(code: number, payload: Uint8Array): Promise<Uint8Array> {
    if (this.#closed) throw new Error("No multicast available for CTL channel");
    const command = { abandoned: false };
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const end = this.#deadlines.start(() => {
      command.abandoned = true;
      const name = codeName(code).toLowerCase();
      reject(new TimeoutError(`timeout waiting for the reply of VM agent to ${name}`));
    });
    this.#exchange(code, payload, command).then(resolve, reject).finally(end);
    return await promise;
  }

  /** Reads until the channel ends or breaks; returns why. Everybody who waits for a reply has got an error by then. */
  async run(): Promise<string> {
    let reason = "the control channel closed";
    try {
      await this.#readFrames();
    } catch (error) {
      reason = `the control channel broke: ${messageOf(error)}`;
    }
    this.close(reason);
    return reason;
  }

  /** Closes the channel; pending commands fail with `reason`. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = new Error(`VM lost: ${reason}`);
    this.#deadlines.close();
    this.#connection.close();
    this.#ready.reject(this.#closed);
    this.#reply?.reject(this.#closed);
  }

  /** Writing and waiting for the reply are one step: nothing else is sent meanwhile. */
  async #exchange(
    code: number,
    payload: Uint8Array,
    command: { abandoned: boolean },
  ): Promise<Uint8Array> {
    using _turn = await this.#turn.take();
    if (this.#closed) throw this.#closed;
    if (command.abandoned) return payload;
    const reply = Promise.withResolvers<Uint8Array>();
    reply.promise.catch(() => {});
    this.#reply = reply;
    try {
      await writeAll(this.#connection, encodeControlFrame(code, payload));
      return await reply.promise;
    } catch (error) {
      throw this.#closed ?? error;
    } finally {
      this.#reply = undefined;
    }
  }

  async #readFrames(): Promise<void> {
    const frames = new ControlDecoder();
    const buffer = new Uint8Array(READ_SIZE);
    for (;;) {
      const count = await this.#connection.read(buffer);
      if (count === null) return;
      frames.push(buffer.subarray(0, count));
      for (let frame = frames.next(); frame; frame = frames.next()) this.#handle(frame);
    }
  }

  #handle(frame: ControlFrame): void {
    const { code, payload } = frame;
    if (code === GoCode.NEXT) return;
    if (!this.#isReady) return this.#handleFirst(frame);
    // 23 and 24 are events in one dialect and commands to the guest in the other: never replies.
    if (code === GoCode.PSCONTAINER || code === GoCode.PROCESSASYNCEVENT) {
      return this.#handleEvent(payload);
    }
    const reply = this.#reply;
    if (code !== GoCode.ACK && code !== GoCode.ERROR || !reply) {
      log.debug("Dropped a control frame that answers nothing", { code: codeName(code) });
      return;
    }
    this.#reply = undefined;
    // The next read overwrites it.
    if (code === GoCode.ACK) return reply.resolve(payload.slice());
    // C hyperstart ends its texts with a zero byte.
    const text = decoder.decode(payload).replace(/\0+$/, "");
    reply.reject(new GuestError(`ERROR received from VM agent, control msg received : ${text}`));
  }

  #handleFirst({ code, payload }: ControlFrame): void {
    this.#isReady = true;
    if (code !== GoCode.READY) {
      const text = decoder.decode(payload);
      const expected = `CMD ID received ${code} not matching expected ${GoCode.READY}`;
      return this.#ready.reject(new Error(`${expected}, control msg received : ${text}`));
    }
    try {
      this.#ready.resolve(parseGuestHello(payload, this.#options.helloLimits));
    } catch (error) {
      this.#ready.reject(new Error(messageOf(error)));
    }
  }

  #handleEvent(payload: Uint8Array): void {
    try {
      this.#options.onProcessEvent(parseProcessEvent(payload));
    } catch (error) {
      log.debug("Dropped a malformed event", { error: messageOf(error) });
    }
  }
}
