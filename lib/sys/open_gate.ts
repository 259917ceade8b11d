import { EAGAIN } from "./errno.ts";
import { SysError } from "./error.ts";
import { AT_FDCWD, Fd, O_DIRECTORY, O_RDONLY, open } from "./fd.ts";
import { FAN_ALLOW, FAN_MARK_ADD, FAN_MARK_FLUSH, GATE_EVENTS } from "./gate_numbers.ts";
import { SYS } from "./numbers.ts";
import { waitForInput } from "./process.ts";
import { rawSyscall, syscall } from "./syscall.ts";
import { readSome } from "./transfer.ts";

/** struct fanotify_event_metadata: u32 length, u8 version, u8, u16, u64 mask, i32 descriptor, i32 pid. */
const EVENT_SIZE = 24, FD_OFFSET = 16;
/** Events that are taken at once. */
const BATCH = 16;

/** Somebody who opens the directory, and waits until this is disposed of. */
export type Opening = Disposable;

/**
 * Holds up whoever opens a directory (fanotify(7), FAN_OPEN_PERM). What is in the directory can be opened meanwhile, and
 * by those who wait themselves: this process must not open the directory, for it would wait for itself. When the process
 * ends, in any way, the kernel lets everybody go on.
 */
export class OpenGate implements Disposable {
  readonly #group: Fd;
  readonly #events = new Uint8Array(BATCH * EVENT_SIZE);
  readonly #view = new DataView(this.#events.buffer);

  /** @param group that a process was started with for it, which is this gate's from now on: `MountView.gatedProc` */
  constructor(group: Fd) {
    this.#group = group;
  }

  /** Whether a descriptor stands for a gate. */
  static isAt(number: number): boolean {
    try {
      return Deno.readLinkSync(`/proc/self/fd/${number}`).includes("fanotify");
    } catch {
      return false;
    }
  }

  /**
   * Holds up whoever opens a directory from now on.
   *
   * @throws {SysError}
   */
  guard(directory: Fd): void {
    using opened = open(`/proc/self/fd/${directory.number}`, O_RDONLY | O_DIRECTORY);
    const group = this.#group.number;
    const events = GATE_EVENTS;
    const operand = "a directory";
    const number = SYS.fanotify_mark;
    syscall("fanotify_mark", operand, number, group, FAN_MARK_ADD, events, opened.number, 0);
  }

  /**
   * Holds nobody up any more who comes from now on. A process that ends with a directory still guarded has to wait for
   * milliseconds in the kernel.
   */
  release(): void {
    rawSyscall(SYS.fanotify_mark, this.#group.number, FAN_MARK_FLUSH, 0, AT_FDCWD, 0);
  }

  /** Waits until somebody opens the directory; returns all who do. @throws {SysError} */
  async wait(): Promise<Opening[]> {
    for (;;) {
      await waitForInput(this.#group);
      const count = readSome(this.#group.number, this.#events);
      if (count === -EAGAIN) continue;
      if (count < 0) throw new SysError("read", "a gate", -count);
      return Array.from(
        { length: count / EVENT_SIZE },
        (_, index) => this.#opening(this.#view.getInt32(index * EVENT_SIZE + FD_OFFSET, true)),
      );
    }
  }

  /** Lets everybody go on, and holds nobody up any more. */
  close(): void {
    this.#group.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #opening(number: number): Opening {
    const opened = new Fd(number);
    return {
      [Symbol.dispose]: () => {
        if (opened.closed || this.#group.closed) return opened.close();
        // struct fanotify_response: i32 descriptor, u32 response.
        const response = new Uint8Array(new Int32Array([number, FAN_ALLOW]).buffer);
        rawSyscall(SYS.write, this.#group.number, response, response.length);
        opened.close();
      },
    };
  }
}
