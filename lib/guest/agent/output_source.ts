import { STREAM_HEADER_LENGTH, UNLIMITED_GRANT, writeStreamHeader } from "../../hyperstart/mod.ts";
import { EAGAIN, EPOLLIN, type Fd, type Poller, readSome, type Watch } from "../../sys/mod.ts";
import type { FrameSink } from "./runtime.ts";

/**
 * Longest payload of a stream frame. Two writes of the 32 KiB that the kernel's virtio console takes at once carry a
 * whole frame.
 */
export const MAX_PAYLOAD = 65536 - STREAM_HEADER_LENGTH;

/** Reads in a row before others get their turn. */
const READS_PER_TURN = 4;

/** Shared by all: a sink takes a frame before it returns. */
const frame = new Uint8Array(STREAM_HEADER_LENGTH + MAX_PAYLOAD);
const payload = frame.subarray(STREAM_HEADER_LENGTH);

/** Where a process's output goes. */
export interface OutputOptions {
  /** 0 reads and drops. */
  sequence: number;
  /** Bytes that may be sent until {@linkcode OutputSource.grant}. 0: any number. */
  credit: number;
  sink: FrameSink;
  /** Called once, when nothing will be sent any more. */
  onEnd: () => void;
}

/** Sends what can be read from one descriptor as frames of one sequence, for as long as the host takes them. */
export class OutputSource {
  readonly sequence: number;
  readonly #fd: Fd;
  readonly #sink: FrameSink;
  readonly #watch: Watch;
  readonly #onEnd: () => void;
  /** Bytes that may still be sent. */
  #credit: number;
  #waitsForCredit = false;
  #finishing = false;
  #ended = false;

  /** @param fd nonblocking; closed at the end */
  constructor(poller: Poller, fd: Fd, { sequence, credit, sink, onEnd }: OutputOptions) {
    this.#fd = fd;
    this.sequence = sequence;
    this.#credit = credit === 0 ? Infinity : credit;
    this.#sink = sink;
    this.#onEnd = onEnd;
    this.#watch = poller.watch(fd.number, EPOLLIN, () => this.#read());
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** The process is gone: sends what is still there, and does not wait for others that hold the descriptor. */
  finish(): void {
    this.#finishing = true;
    this.#read();
  }

  /** Sends words of the agent's own, as far as bytes may be sent: for a process that has written nothing. */
  tell(text: Uint8Array): void {
    const count = Math.min(text.length, this.#credit, MAX_PAYLOAD);
    // An empty frame would be the end of the stream.
    if (count === 0) return;
    payload.set(text.subarray(0, count));
    this.#send(count);
  }

  /** Lets further bytes be sent. */
  grant(bytes: number): void {
    this.#credit += bytes === UNLIMITED_GRANT ? Infinity : bytes;
    if (!this.#waitsForCredit || this.#ended) return;
    this.#waitsForCredit = false;
    this.#watch.change(EPOLLIN);
  }

  /** Ends at once. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watch.stop();
    this.#fd.close();
    this.#onEnd();
  }

  #read(): void {
    for (let turn = 0; turn < READS_PER_TURN && !this.#ended; turn++) {
      if (this.sequence !== 0 && !this.#sink.hasRoom) return this.#pause();
      if (this.#credit === 0) return this.#waitForCredit();
      const room = this.#credit < MAX_PAYLOAD ? payload.subarray(0, this.#credit) : payload;
      const count = readSome(this.#fd.number, room);
      if (count > 0) this.#send(count);
      else if (count === -EAGAIN && !this.#finishing) return;
      // A pseudo-terminal without programs gives EIO, a pipe without writers 0.
      else return this.end();
    }
  }

  #send(count: number): void {
    if (this.sequence === 0) return;
    this.#credit -= count;
    writeStreamHeader(frame, 0, this.sequence, count);
    this.#sink.send(frame.subarray(0, STREAM_HEADER_LENGTH + count));
  }

  #waitForCredit(): void {
    this.#waitsForCredit = true;
    this.#watch.change(0);
  }

  #pause(): void {
    this.#watch.change(0);
    this.#sink.whenRoom(() => {
      if (!this.#ended) this.#watch.change(EPOLLIN);
    });
  }
}
