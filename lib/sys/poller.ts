import { Fd } from "./fd.ts";
import { SYS } from "./numbers.ts";
import { blockingSyscall, callsUnderWay, syscall } from "./syscall.ts";

/** What can be waited for (epoll_ctl(2), linux/eventpoll.h). Errors and hang-ups always count. */
export const EPOLLIN = 1;
export const EPOLLOUT = 4;
export const EPOLLERR = 8;
export const EPOLLHUP = 16;
/** Tells of changes only: the handler must read or write until the kernel says EAGAIN. */
export const EPOLLET = 0x80000000;

const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1, EPOLL_CTL_DEL = 2, EPOLL_CTL_MOD = 3;
/** struct epoll_event is packed on x86-64: u32 events, u64 data. */
const EVENT_SIZE = 12;
const BATCH = 32;
/** Rounds without a pause after which timers and the like get their turn; where there are none, the engine's own chores. */
const ROUNDS_BEFORE_PAUSE = 16, ROUNDS_BEFORE_CHORES = 4096;
/** Rounds without an event after which a poller that is alone rests. */
const ROUNDS_BEFORE_REST = 32;

/** Steps that chains of promises may take between two rounds. */
const TURNS_FOR_PROMISES = 8;

/** One descriptor under watch. */
export interface Watch extends Disposable {
  /** Waits for these events from now on; 0 waits for nothing, not even a hang-up. */
  change(events: number): void;
  /** Ends the watch. The descriptor must still be open, or never be opened under its number again before. */
  stop(): void;
}

interface Entry {
  fd: number;
  events: number;
  handler: (events: number) => void;
}

/**
 * Waits for many descriptors at once (epoll(7)) and calls their handlers, one at a time, on the thread of JavaScript.
 * Waiting happens on another thread, so that timers and promises go on.
 */
export class Poller implements Disposable {
  readonly #linger: number;
  readonly #alone: boolean;
  readonly #epoll = new Fd(
    syscall("epoll_create1", "a poller", SYS.epoll_create1, EPOLL_CLOEXEC),
  );
  /** By a number that is never used again: an event already fetched must not reach the descriptor's next owner. */
  readonly #entries = new Map<number, Entry>();
  readonly #ready = new Uint8Array(BATCH * EVENT_SIZE);
  readonly #view = new DataView(this.#ready.buffer);
  #lastKey = 0;
  #closing = false;

  /**
   * @param options.linger milliseconds for which the thread of JavaScript itself waits for the next event when there
   * has just been one: a stream of them then costs no change of threads. Timers and the like are late by as much
   * @param options.alone whether nothing else goes on beside it but calls of {@linkcode blockingSyscall}: while there
   * are none the thread of JavaScript itself waits, however long, and has no timers and the like meanwhile
   */
  constructor({ linger = 0, alone = false } = {}) {
    this.#linger = linger;
    this.#alone = alone;
  }

  /**
   * Calls `handler` with the events of `fd` each time one of them is there.
   *
   * @throws {SysError} when the descriptor cannot be waited for
   */
  watch(fd: number, events: number, handler: (events: number) => void): Watch {
    const key = ++this.#lastKey;
    const entry: Entry = { fd, events: 0, handler };
    const change = (wanted: number) => {
      if (!this.#entries.has(key) || wanted === entry.events) return;
      const operation = wanted === 0
        ? EPOLL_CTL_DEL
        : entry.events === 0
        ? EPOLL_CTL_ADD
        : EPOLL_CTL_MOD;
      this.#control(operation, fd, wanted, key);
      entry.events = wanted;
    };
    const stop = () => {
      if (!this.#entries.has(key)) return;
      change(0);
      this.#entries.delete(key);
    };
    this.#entries.set(key, entry);
    change(events);
    return { change, stop, [Symbol.dispose]: stop };
  }

  /** Waits and calls handlers until {@linkcode Poller.close}. What a handler throws comes out here. */
  async run(): Promise<void> {
    let rounds = 0, idle = 0;
    while (!this.#closing) {
      rounds++;
      const here = this.#alone && !callsUnderWay();
      const rests = here
        ? idle >= ROUNDS_BEFORE_REST || rounds % ROUNDS_BEFORE_CHORES === 0
        : idle > 0 || rounds % ROUNDS_BEFORE_PAUSE === 0;
      const count = !rests
        ? this.#poll(this.#linger)
        : here
        ? await this.#rest(idle > 0)
        : await this.#wait();
      idle = count === 0 ? idle + 1 : 0;
      this.#dispatch(count);
      // What the handlers have set going comes first.
      for (let turn = 0; turn < TURNS_FOR_PROMISES; turn++) await undefined;
    }
    this.#epoll.close();
  }

  /**
   * Lets the engine do what it has put off, after which nothing is left to be done here, and waits on this very thread.
   * In a machine that was saved in this wait the next event is there without a change of threads.
   */
  async #rest(idle: boolean): Promise<number> {
    await blockingSyscall("poll", "nothing", SYS.poll, 0, 0, 0);
    return idle && !callsUnderWay() ? this.#poll(-1) : 0;
  }

  /** Ends {@linkcode Poller.run} after the next event, or at once when nothing is being waited for. */
  close(): void {
    this.#closing = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #poll(timeout: number): number {
    return syscall(
      "epoll_wait",
      "events",
      SYS.epoll_wait,
      this.#epoll.number,
      this.#ready,
      BATCH,
      timeout,
    );
  }

  #wait(): Promise<number> {
    return blockingSyscall(
      "epoll_wait",
      "events",
      SYS.epoll_wait,
      this.#epoll.number,
      this.#ready,
      BATCH,
      -1,
    );
  }

  #dispatch(count: number): void {
    // Read all first: a handler may come back here no sooner than the kernel fills the memory again.
    const events: [key: number, events: number][] = [];
    for (let at = 0; at < count * EVENT_SIZE; at += EVENT_SIZE) {
      events.push([this.#view.getUint32(at + 4, true), this.#view.getUint32(at, true)]);
    }
    for (const [key, bits] of events) this.#entries.get(key)?.handler(bits);
  }

  #control(operation: number, fd: number, events: number, key: number): void {
    const event = new DataView(new ArrayBuffer(EVENT_SIZE));
    event.setUint32(0, events, true);
    event.setUint32(4, key, true);
    const memory = new Uint8Array(event.buffer);
    syscall(
      "epoll_ctl",
      `descriptor ${fd}`,
      SYS.epoll_ctl,
      this.#epoll.number,
      operation,
      fd,
      memory,
    );
  }
}
