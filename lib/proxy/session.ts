import {
  INPUT_CREDIT,
  type StreamFrame,
  type StreamGrant,
  UNLIMITED_GRANT,
} from "../hyperstart/mod.ts";
import { getLogger } from "../log.ts";
import type { SharedBuffer } from "./buffer_pool.ts";
import { encodeProxyFrame, FrameType, Notification, Stream, writeProxyHeader } from "./frame.ts";
import { Gate } from "./gate.ts";
import type { OutputSink } from "./guest_streams.ts";
import { OutputQueue } from "./output_queue.ts";

const log = getLogger("proxy");

/** The connection of a session's shim. */
export interface ShimConnection {
  /** Writes whole frames in turn with other writers; returns how many bytes were taken: fewer when it is gone. */
  writeFrames(frames: Uint8Array): Promise<number>;
  /** Says why the process is lost, to a shim that has asked for podvisor's own notifications. */
  tellLoss(reason: string): Promise<void>;
  close(): void;
}

/** What a session needs of its VM. */
export interface SessionHost {
  /** Output waiting at which {@linkcode SessionHost.hold} is called. */
  readonly queueBound: number;
  /** Credit of each sequence at the start; 0 for a guest that knows of none. */
  readonly outputCredit: number;
  /** Lets the guest send more. */
  grant(grants: readonly StreamGrant[]): void;
  hold(sink: OutputSink): void;
  release(sink: OutputSink): void;
}

/** What the guest was told to run for a session. */
export interface SessionProcess {
  kind: "init" | "exec";
  container: string;
  /** C hyperstart's name for it. */
  processId: string;
}

/**
 * One process's input and output: a token, two stream sequences, and the shim that claimed the token. "Shim
 * connected" and "process started" are states that may come and go; output waits in a queue while there is no shim.
 */
export class Session implements OutputSink {
  readonly token: string;
  /** Sequence of stdin and stdout; the next one is stderr. */
  readonly base: number;
  readonly connected = new Gate();
  readonly started = new Gate();
  process: SessionProcess | undefined;
  /** Size of the terminal that the shim told before the process's start. */
  firstSize: { columns: number; rows: number } | undefined;
  /** The token was used; only a shim that vanishes makes it free again. */
  claimed = false;
  /** The session is over; nobody can claim it again. */
  forgotten = false;
  readonly #host: SessionHost;
  readonly #queue = new OutputQueue();
  #shim: ShimConnection | undefined;
  #pump: Promise<void> | undefined;
  /** The shim takes what is written to it. */
  #writable = false;
  #ended = false;
  #exited = false;
  #eventStatus: number | undefined;
  /** Bytes of stdout and of stderr that came and were not granted again. */
  readonly #spent = [0, 0];
  /** Bytes of stdin that the guest still takes. */
  #inputRoom = INPUT_CREDIT;
  #inputGranted = Promise.withResolvers<void>();

  constructor(token: string, base: number, host: SessionHost) {
    this.token = token;
    this.base = base;
    this.#host = host;
  }

  /** Whether the guest has reported the end of the process. */
  get hasExited(): boolean {
    return this.#exited;
  }

  /** Binds a shim, and sends it what has waited. */
  attach(shim: ShimConnection): void {
    this.claimed = true;
    this.#shim = shim;
    this.#writable = true;
    this.connected.open();
    this.#startPump();
  }

  /** The shim is gone without a word; another may claim the token. Does nothing for a shim that is not the current one. */
  detach(shim: ShimConnection): boolean {
    if (this.#shim !== shim || this.forgotten) return false;
    this.#shim = undefined;
    this.claimed = false;
    this.connected.close();
    return true;
  }

  /** Whoever waits for the shim or the process gets this error. */
  fail(error: Error): void {
    this.connected.fail(error);
    this.started.fail(error);
    this.#wakeInput();
  }

  /** Ends the session: output is dropped from now on. */
  forget(): void {
    this.forgotten = true;
    this.#shim = undefined;
    this.#queue.clear();
    this.#host.release(this);
    this.#liftLimit();
    this.connected.close();
    this.fail(new Error(`shim with token ${this.token} has gone`));
  }

  /** Tells the shim, once it has taken everything, that the process is lost; resolves when it has, or is gone. */
  async tellLoss(reason: string): Promise<void> {
    while (this.#pump) await this.#pump;
    if (!this.#exited) await this.#shim?.tellLoss(reason);
  }

  /** Closes the shim's connection. */
  closeShim(): void {
    this.#shim?.close();
  }

  /** See `OutputSink`. After the empty frame that ends the output, one byte on stdio is the exit code. */
  convert({ sequence, payload, bytes }: StreamFrame): boolean {
    if (this.forgotten) return false;
    const isStdio = sequence === this.base;
    if (payload.length === 0) {
      if (isStdio) this.#endOutput();
      return false;
    }
    if (this.#ended && isStdio && payload.length === 1) {
      if (this.#exited) return false;
      this.#exited = true;
      this.#wakeInput();
      writeProxyHeader(bytes, 0, FrameType.notification, Notification.processExited, 1);
      return true;
    }
    const stream = isStdio ? Stream.stdout : Stream.stderr;
    this.#spent[isStdio ? 0 : 1]! += payload.length;
    writeProxyHeader(bytes, 0, FrameType.stream, stream, payload.length);
    return true;
  }

  output(frames: Uint8Array, owner: SharedBuffer | undefined): void {
    if (this.forgotten) return;
    this.#queue.push(frames, owner);
    if (this.#queue.size > this.#host.queueBound) this.#host.hold(this);
    this.#startPump();
  }

  /** Waits until the guest takes so many bytes of stdin. */
  async takeInputRoom(count: number): Promise<void> {
    if (this.#host.outputCredit === 0) return;
    while (this.#inputRoom < count && this.#inputRoom < INPUT_CREDIT) {
      if (this.#exited || this.forgotten || this.started.failed) return;
      await this.#inputGranted.promise;
    }
    this.#inputRoom -= count;
  }

  /** The guest takes further bytes of stdin. */
  grantInput(bytes: number): void {
    this.#inputRoom += bytes;
    this.#wakeInput();
  }

  #wakeInput(): void {
    this.#inputGranted.resolve();
    this.#inputGranted = Promise.withResolvers();
  }

  /** C hyperstart 1.1 reports the status in an event, before or after the end of the output. */
  reportStatus(status: number): void {
    this.#eventStatus = status;
    if (this.#ended) this.#sendEventStatus();
  }

  #endOutput(): void {
    this.#ended = true;
    // The frames before this one in the same read are still to be handed over.
    if (this.#eventStatus !== undefined) queueMicrotask(() => this.#sendEventStatus());
  }

  #sendEventStatus(): void {
    if (this.#exited || this.#eventStatus === undefined) return;
    this.#exited = true;
    this.output(exitNotification(this.#eventStatus), undefined);
  }

  /**
   * Gives the guest back what it has spent, once little of it is waiting and it is enough to be worth a frame: what can
   * come is then never more than a bit over both sequences' credit.
   */
  #grant(): void {
    const { outputCredit } = this.#host;
    if (outputCredit === 0 || this.#exited || this.#queue.size > outputCredit / 2) return;
    const grants = this.#spent.flatMap((bytes, at) =>
      bytes < outputCredit / 4 ? [] : [{ sequence: this.base + at, bytes }]
    );
    for (const { sequence } of grants) this.#spent[sequence - this.base] = 0;
    if (grants.length > 0) this.#host.grant(grants);
  }

  /** Nobody takes the output any more: it is dropped rather than held back. */
  #liftLimit(): void {
    if (this.#host.outputCredit === 0 || !this.started.isOpen || this.#exited) return;
    const bytes = UNLIMITED_GRANT;
    this.#host.grant([{ sequence: this.base, bytes }, { sequence: this.base + 1, bytes }]);
  }

  #startPump(): void {
    if (this.#pump || !this.#shim || !this.#writable || this.#queue.size === 0) return;
    this.#pump = this.#send(this.#shim).finally(() => {
      this.#pump = undefined;
      this.#startPump();
    });
  }

  async #send(shim: ShimConnection): Promise<void> {
    // The rest of the read that brought the first frame is still to be handed over: fewer writes then.
    await undefined;
    while (this.#shim === shim) {
      const frames = this.#queue.take();
      if (!frames) return;
      const count = await shim.writeFrames(frames);
      this.#queue.wrote(count);
      if (this.#queue.size <= this.#host.queueBound) this.#host.release(this);
      this.#grant();
      if (count < frames.length) {
        if (this.#shim === shim) this.#writable = false;
        log.warn("A shim stopped reading; output that it was sent may be lost", {
          token: this.token,
        });
        return;
      }
    }
  }
}

/** The frame that tells a shim its process's exit code. */
export function exitNotification(code: number): Uint8Array {
  return encodeProxyFrame(
    FrameType.notification,
    Notification.processExited,
    Uint8Array.of(code),
  );
}
