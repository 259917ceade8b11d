import { EAGAIN, EPIPE } from "./errno.ts";
import { SysError } from "./error.ts";
import { type Fd, O_NONBLOCK } from "./fd.ts";
import { SYS } from "./numbers.ts";
import { blockingSyscall, rawSyscall } from "./syscall.ts";
import { readSome } from "./transfer.ts";
import { connectUnix, sendMessage } from "./unix_sender.ts";

const SHUT_RDWR = 2, POLLIN = 1, POLLOUT = 4;

/** A connection to a Unix socket that descriptors can be passed over: what the runtime's own cannot. */
export class UnixConnection implements Disposable {
  readonly #socket: Fd;
  /** Waits under way: before they have ended the descriptor must not be closed, and be another file's. */
  readonly #waits = new Set<Promise<unknown>>();
  #closed = false;

  private constructor(socket: Fd) {
    this.#socket = socket;
  }

  /**
   * Connects to a socket (unix(7)).
   *
   * @throws {SysError} when nobody listens there, or too many wait to be taken
   * @throws {RangeError} when the path is too long for an address
   */
  static connect(path: string): UnixConnection {
    return new UnixConnection(connectUnix(path, O_NONBLOCK));
  }

  /** Reads what is there, waiting for some. @returns bytes read; null at the end @throws {SysError} */
  async read(memory: Uint8Array): Promise<number | null> {
    for (;;) {
      if (this.#closed) return null;
      const count = readSome(this.#socket.number, memory);
      if (count > 0) return count;
      if (count === 0) return null;
      if (count !== -EAGAIN) throw new SysError("read", "a connection", -count);
      await this.#wait(POLLIN);
    }
  }

  /**
   * Writes what fits, waiting for room.
   *
   * @param descriptors that go with the bytes: the receiver gets descriptors of its own for the same files (unix(7),
   *   SCM_RIGHTS)
   * @returns bytes written, at least one
   * @throws {SysError}
   */
  async write(bytes: Uint8Array, descriptors: readonly number[] = []): Promise<number> {
    for (;;) {
      if (this.#closed) throw new SysError("sendmsg", "a connection", EPIPE);
      const count = sendMessage(this.#socket, bytes, descriptors, 0);
      if (count >= 0) return count;
      if (count !== -EAGAIN) throw new SysError("sendmsg", "a connection", -count);
      await this.#wait(POLLOUT);
    }
  }

  /** Ends the connection: what is being read comes to its end. Closing twice does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    rawSyscall(SYS.shutdown, this.#socket.number, SHUT_RDWR);
    Promise.allSettled(this.#waits).then(() => this.#socket.close());
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #wait(events: number): Promise<void> {
    // struct pollfd: int fd, short events, short revents.
    const entry = new DataView(new ArrayBuffer(8));
    entry.setInt32(0, this.#socket.number, true);
    entry.setInt16(4, events, true);
    const memory = new Uint8Array(entry.buffer);
    const wait = blockingSyscall("poll", "a connection", SYS.poll, memory, 1, -1);
    this.#waits.add(wait);
    try {
      await wait;
    } finally {
      this.#waits.delete(wait);
    }
  }
}
