import { STREAM_HEADER_LENGTH, writeStreamHeader } from "../../hyperstart/mod.ts";
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

/** Sends what can be read from one descriptor as frames of one sequence, for as long as the host takes them. */
export class OutputSource {
  readonly #fd: Fd;
  readonly #sequence: number;
  readonly #sink: FrameSink;
  readonly #watch: Watch;
  readonly #onEnd: () => void;
  #finishing = false;
  #ended = false;

  /**
   * @param fd nonblocking; closed at the end
   * @param sequence 0 reads and drops
   * @param onEnd called once, when nothing will be sent any more
   */
  constructor(poller: Poller, fd: Fd, sequence: number, sink: FrameSink, onEnd: () => void) {
    this.#fd = fd;
    this.#sequence = sequence;
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
      if (this.#sequence !== 0 && !this.#sink.hasRoom) return this.#pause();
      const count = readSome(this.#fd.number, payload);
      if (count > 0) this.#send(count);
      else if (count === -EAGAIN && !this.#finishing) return;
      // A pseudo-terminal without programs gives EIO, a pipe without writers 0.
      else return this.end();
    }
  }

  #send(count: number): void {
    if (this.#sequence === 0) return;
    writeStreamHeader(frame, 0, this.#sequence, count);
    this.#sink.send(frame.subarray(0, STREAM_HEADER_LENGTH + count));
  }

  #pause(): void {
    this.#watch.change(0);
    this.#sink.whenRoom(() => {
      if (!this.#ended) this.#watch.change(EPOLLIN);
    });
  }
}
