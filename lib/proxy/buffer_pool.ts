/** A buffer that goes back to its pool when nobody holds a piece of it any more. */
export class SharedBuffer {
  readonly bytes: Uint8Array;
  readonly #pool: BufferPool;
  #holders = 1;

  constructor(size: number, pool: BufferPool) {
    this.bytes = new Uint8Array(size);
    this.#pool = pool;
  }

  /** One more holder. */
  hold(): void {
    this.#holders++;
  }

  /** One holder less. */
  release(): void {
    if (--this.#holders > 0) return;
    this.#holders = 1;
    this.#pool.put(this);
  }
}

/** Spare buffers kept; more are left to the garbage collector. */
const MAX_SPARE = 4;

/** Buffers for use again, so that a flood of output does not leave a flood of garbage. */
export class BufferPool {
  readonly #size: number;
  readonly #spare: SharedBuffer[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** A buffer with one holder, the caller. */
  take(): SharedBuffer {
    return this.#spare.pop() ?? new SharedBuffer(this.#size, this);
  }

  put(buffer: SharedBuffer): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}
