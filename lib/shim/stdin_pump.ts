import type { ShimConnection } from "./connection.ts";
import type { ByteSource } from "./streams.ts";

/** What a pipe holds, so that one read takes all of it. */
const READ_SIZE = 64 * 1024;

/** Passes stdin on to a process until its end, no faster than the proxy takes it. It survives a reconnection. */
export class StdinPump {
  readonly #source: ByteSource | undefined;
  #connection: ShimConnection | undefined;
  #attached = Promise.withResolvers<void>();
  #underWay = 0;
  #taken = Promise.withResolvers<void>();
  #stopped = false;

  /** @param source nothing for a process that gets no stdin */
  constructor(source: ByteSource | undefined) {
    this.#source = source;
  }

  /** Stdin goes to this connection from now on. */
  attach(connection: ShimConnection): void {
    this.#connection = connection;
    this.#underWay = 0;
    this.#attached.resolve();
    this.#wake();
  }

  /** The connection is lost: wait for the next. */
  detach(): void {
    this.#connection = undefined;
    this.#attached = Promise.withResolvers();
    this.#wake();
  }

  /** The proxy has passed `count` bytes on. */
  taken(count: number): void {
    this.#underWay = Math.max(0, this.#underWay - count);
    this.#wake();
  }

  /** Reads no more. A read under way takes what it gets with it. */
  stop(): void {
    this.#stopped = true;
    this.#attached.resolve();
    this.#wake();
  }

  /** Runs until the end of stdin, which is passed on too, or {@linkcode StdinPump.stop}. */
  async run(): Promise<void> {
    const buffer = new Uint8Array(this.#source ? READ_SIZE : 0);
    for (;;) {
      const room = await this.#room();
      if (this.#stopped) return;
      const count = await this.#read(room < buffer.length ? buffer.subarray(0, room) : buffer);
      await this.#pass(buffer.subarray(0, count));
      if (count === 0) return;
    }
  }

  /** Bytes read; 0 at the end, also at one by an error: a terminal that has gone. */
  async #read(into: Uint8Array): Promise<number> {
    try {
      return await this.#source?.read(into) ?? 0;
    } catch {
      return 0;
    }
  }

  async #pass(piece: Uint8Array): Promise<void> {
    while (!this.#stopped) {
      await this.#attached.promise;
      const connection = this.#connection;
      if (!connection) continue;
      this.#underWay += piece.length;
      try {
        return await connection.writeStdin(piece);
      } catch {
        // Lost: the piece goes to the next connection.
        if (this.#connection === connection) this.detach();
      }
    }
  }

  /** Waits until something may be read. @returns how much, in bytes */
  async #room(): Promise<number> {
    while (!this.#stopped) {
      await this.#attached.promise;
      const credit = this.#connection?.terms.stdinCredit;
      if (credit === 0) return READ_SIZE;
      const room = (credit ?? 0) - this.#underWay;
      // Many small pieces would cost more than the wait for a larger one.
      if (room >= READ_SIZE || room > 0 && this.#underWay === 0) return room;
      await this.#taken.promise;
    }
    return 0;
  }

  #wake(): void {
    this.#taken.resolve();
    this.#taken = Promise.withResolvers();
  }
}
