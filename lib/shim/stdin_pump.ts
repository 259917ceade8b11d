import { type ShimConnection, STDIN_ROOM } from "./connection.ts";
import type { ByteSource } from "./streams.ts";

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
    let buffer = new Uint8Array(STDIN_ROOM);
    for (;;) {
      await this.#mayRead();
      if (this.#stopped || !this.#connection) return;
      const size = STDIN_ROOM + this.#connection.terms.maxStdin;
      if (buffer.length !== size) buffer = new Uint8Array(size);
      const count = await this.#read(buffer.subarray(STDIN_ROOM));
      await this.#pass(buffer, count);
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

  async #pass(buffer: Uint8Array, count: number): Promise<void> {
    while (!this.#stopped) {
      await this.#attached.promise;
      const connection = this.#connection;
      if (!connection) continue;
      this.#underWay += count;
      try {
        return await connection.writeStdin(buffer, count);
      } catch {
        // Lost: the piece goes to the next connection.
        if (this.#connection === connection) this.detach();
      }
    }
  }

  async #mayRead(): Promise<void> {
    while (!this.#stopped) {
      await this.#attached.promise;
      const { maxStdin, stdinCredit } = this.#connection?.terms ?? { maxStdin: 0, stdinCredit: -1 };
      if (stdinCredit === 0 || this.#underWay + maxStdin <= stdinCredit) return;
      if (this.#underWay === 0 && stdinCredit > 0) return;
      await this.#taken.promise;
    }
  }

  #wake(): void {
    this.#taken.resolve();
    this.#taken = Promise.withResolvers();
  }
}
