import { EAGAIN, EPOLLOUT, type Fd, type Poller, type Watch, writeSome } from "../../sys/mod.ts";

/**
 * Input that waits for one process. Above it the stream channel is not read until the process has taken some: the
 * protocol has no way to ask the host for a pause of one process alone.
 */
export const MAX_WAITING_INPUT = 4 << 20;

/** Hands the host's bytes to a process as fast as it reads them. */
export class InputQueue {
  readonly #fd: Fd;
  readonly #watch: Watch;
  readonly #onTaken: (count: number) => void;
  #chunks: Uint8Array[] = [];
  #waiting = 0;
  #ending = false;
  #closed = false;
  #callers: (() => void)[] = [];

  /**
   * @param fd nonblocking; closed at the end
   * @param onTaken called with the number of bytes that no longer wait
   */
  constructor(poller: Poller, fd: Fd, onTaken: (count: number) => void) {
    this.#fd = fd;
    this.#onTaken = onTaken;
    this.#watch = poller.watch(fd.number, 0, () => this.#flush());
  }

  write(bytes: Uint8Array): void {
    if (this.#closed || this.#ending) return this.#onTaken(bytes.length);
    const written = this.#waiting > 0 ? 0 : this.#writeSome(bytes);
    if (this.#closed) return this.#onTaken(bytes.length);
    if (written > 0) this.#onTaken(written);
    if (written === bytes.length) return;
    this.#chunks.push(bytes.slice(written));
    this.#waiting += bytes.length - written;
    this.#watch.change(EPOLLOUT);
  }

  /** End of file, after what waits. */
  end(): void {
    if (this.#closed) return;
    this.#ending = true;
    if (this.#waiting === 0) this.close();
  }

  /** Drops what waits. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#waiting > 0) this.#onTaken(this.#waiting);
    this.#chunks = [];
    this.#waiting = 0;
    this.#watch.stop();
    this.#fd.close();
    this.#callBack();
  }

  get full(): boolean {
    return this.#waiting > MAX_WAITING_INPUT;
  }

  room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.full) this.#callers.push(resolve);
    else resolve();
    return promise;
  }

  #flush(): void {
    let done = 0;
    while (done < this.#chunks.length && !this.#closed) {
      const chunk = this.#chunks[done]!;
      const written = this.#writeSome(chunk);
      if (this.#closed) return;
      this.#waiting -= written;
      if (written > 0) this.#onTaken(written);
      if (written < chunk.length) {
        this.#chunks[done] = chunk.subarray(written);
        break;
      }
      done++;
    }
    this.#chunks.splice(0, done);
    if (!this.full) this.#callBack();
    if (this.#waiting > 0) return;
    this.#watch.change(0);
    if (this.#ending) this.close();
  }

  /** Writes what the process has room for; a process that does not read any more closes the queue. */
  #writeSome(bytes: Uint8Array): number {
    let written = 0;
    while (written < bytes.length) {
      const count = writeSome(this.#fd.number, bytes.subarray(written));
      if (count === -EAGAIN) break;
      if (count <= 0) {
        this.close();
        break;
      }
      written += count;
    }
    return written;
  }

  #callBack(): void {
    const callers = this.#callers;
    this.#callers = [];
    for (const each of callers) each();
  }
}
