import {
  EPOLLET,
  EPOLLHUP,
  EPOLLIN,
  EPOLLOUT,
  type Fd,
  type Poller,
  readSome,
  readyEvents,
  setNonblocking,
  writeSome,
} from "../../sys/mod.ts";
import type { FrameSink } from "./runtime.ts";

/** Output that may wait for the host before processes are no longer read from. */
export const MAX_WAITING_OUTPUT = 256 << 10;
const READ_SIZE = 64 << 10;

/**
 * One of the channels to the host: a virtio console port, or any descriptor that behaves like one. Nothing is lost while
 * no host is connected: reads then give 0 and writes EAGAIN, and the next change is waited for.
 */
export class Port implements FrameSink {
  readonly #fd: Fd;
  readonly #buffer = new Uint8Array(READ_SIZE);
  #changed = true;
  #wake: (() => void) | undefined;
  #queue: Uint8Array[] = [];
  #waiting = 0;
  #callers: (() => void)[] = [];
  #hasHost = false;

  /** @param onHost called each time that there is a host where there was none */
  constructor(poller: Poller, fd: Fd, onHost: (port: Port) => void = () => {}) {
    setNonblocking(fd.number);
    this.#fd = fd;
    const notice = (events: number) => {
      const had = this.#hasHost;
      this.#hasHost = (events & EPOLLHUP) === 0;
      if (this.#hasHost && !had) onHost(this);
    };
    // Changes only: a port without a host reports a hang-up for as long as that lasts.
    poller.watch(fd.number, EPOLLIN + EPOLLOUT + EPOLLET, (events) => {
      this.#flush();
      notice(events);
      this.#changed = true;
      this.#wake?.();
    });
    // Sooner than the poller runs for the first time.
    notice(readyEvents(fd.number));
  }

  /**
   * Hands everything that the host sends to `consume`, which may delay what comes next by returning a promise. The bytes
   * are overwritten afterwards.
   */
  async readTo(consume: (chunk: Uint8Array) => Promise<void> | undefined): Promise<never> {
    for (;;) {
      const count = this.#fill();
      if (count === 0) {
        await this.#nextChange();
        continue;
      }
      const delay = consume(this.#buffer.subarray(0, count));
      if (delay) await delay;
    }
  }

  send(frame: Uint8Array): void {
    const written = this.#waiting > 0 ? 0 : this.#writeSome(frame);
    if (written === frame.length) return;
    this.#queue.push(frame.slice(written));
    this.#waiting += frame.length - written;
  }

  get hasRoom(): boolean {
    return this.#waiting < MAX_WAITING_OUTPUT;
  }

  whenRoom(callback: () => void): void {
    this.#callers.push(callback);
  }

  /** The kernel hands out one of its pages at a time. */
  #fill(): number {
    let filled = 0;
    this.#changed = false;
    while (filled < READ_SIZE) {
      const count = readSome(this.#fd.number, this.#buffer.subarray(filled));
      if (count <= 0) break;
      filled += count;
    }
    return filled;
  }

  async #nextChange(): Promise<void> {
    if (this.#changed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }

  #flush(): void {
    let done = 0;
    for (; done < this.#queue.length; done++) {
      const chunk = this.#queue[done]!;
      const written = this.#writeSome(chunk);
      this.#waiting -= written;
      if (written < chunk.length) {
        this.#queue[done] = chunk.subarray(written);
        break;
      }
    }
    this.#queue.splice(0, done);
    if (!this.hasRoom) return;
    const callers = this.#callers;
    this.#callers = [];
    for (const each of callers) each();
  }

  #writeSome(bytes: Uint8Array): number {
    let written = 0;
    while (written < bytes.length) {
      const count = writeSome(this.#fd.number, bytes.subarray(written));
      if (count <= 0) break;
      written += count;
    }
    return written;
  }
}
