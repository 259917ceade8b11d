import { writeU32 } from "../hyperstart/mod.ts";
import { encodeProxyFrame, FrameType, Notification } from "./frame.ts";
import type { ShimConnection } from "./session.ts";

/**
 * Stdin of a shim that keeps to a credit: its frames are passed on in order while the connection is read further, so
 * that a signal gets through although the guest takes no stdin. What comes while the guest is busy goes to it at once
 * afterwards. A shim that exceeds its credit is read no further.
 */
export class StdinQueue {
  readonly #shim: ShimConnection;
  readonly #credit: number;
  /** Whole frames, copied, that wait for their turn: `#length` bytes of this memory, with `#count` bytes of payload. */
  #waiting = new Uint8Array(0);
  #length = 0;
  #count = 0;
  /** The memory of the frames that are being written, or were. */
  #other = new Uint8Array(0);
  #underWay = 0;
  #pump: Promise<void> | undefined;

  constructor(shim: ShimConnection, credit: number) {
    this.#shim = shim;
    this.#credit = credit;
  }

  /**
   * Takes whole frames with `count` bytes of payload, copied, and has `write` write them when their turn comes. When
   * that fails, the shim's connection is closed.
   */
  async push(
    frames: Uint8Array,
    count: number,
    write: (frames: Uint8Array, count: number) => Promise<void>,
  ): Promise<void> {
    this.#waiting = withRoom(this.#waiting, this.#length, frames.length);
    this.#waiting.set(frames, this.#length);
    this.#length += frames.length;
    this.#count += count;
    this.#underWay += frames.length;
    this.#pump ??= this.#run(write).catch(() => this.#shim.close());
    // Twice, since the credit counts no headers.
    if (this.#underWay > 2 * this.#credit) await this.#pump;
  }

  async #run(write: (frames: Uint8Array, count: number) => Promise<void>): Promise<void> {
    while (this.#length > 0) {
      const frames = this.#waiting.subarray(0, this.#length), count = this.#count;
      [this.#waiting, this.#other] = [this.#other, this.#waiting];
      this.#length = this.#count = 0;
      await write(frames, count);
      this.#underWay -= frames.length;
      if (count > 0) await this.#shim.writeFrames(stdinTaken(count));
    }
    this.#pump = undefined;
  }
}

/** Memory with the same first `used` bytes and room for `more`: a larger one where that is needed. */
function withRoom(memory: Uint8Array<ArrayBuffer>, used: number, more: number) {
  if (used + more <= memory.length) return memory;
  const larger = new Uint8Array(Math.max(used + more, memory.length * 2));
  larger.set(memory.subarray(0, used));
  return larger;
}

function stdinTaken(count: number): Uint8Array {
  const payload = new Uint8Array(4);
  writeU32(payload, 0, count);
  return encodeProxyFrame(FrameType.notification, Notification.stdinTaken, payload);
}
