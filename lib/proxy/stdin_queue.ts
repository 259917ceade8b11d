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
  /** Whole frames, copied, that wait for their turn. */
  #waiting: Uint8Array[] = [];
  /** Bytes of payload in them. */
  #count = 0;
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
    this.#waiting.push(frames.slice());
    this.#count += count;
    this.#underWay += frames.length;
    this.#pump ??= this.#run(write).catch(() => this.#shim.close());
    // Twice, since the credit counts no headers.
    if (this.#underWay > 2 * this.#credit) await this.#pump;
  }

  async #run(write: (frames: Uint8Array, count: number) => Promise<void>): Promise<void> {
    while (this.#waiting.length > 0) {
      const frames = takeAll(this.#waiting), count = this.#count;
      this.#count = 0;
      await write(frames, count);
      this.#underWay -= frames.length;
      if (count > 0) await this.#shim.writeFrames(stdinTaken(count));
    }
    this.#pump = undefined;
  }
}

/** Empties a list into one array. */
function takeAll(pieces: Uint8Array[]): Uint8Array {
  const all = pieces.splice(0);
  if (all.length === 1) return all[0]!;
  const joined = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of all) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

function stdinTaken(count: number): Uint8Array {
  const payload = new Uint8Array(4);
  writeU32(payload, 0, count);
  return encodeProxyFrame(FrameType.notification, Notification.stdinTaken, payload);
}
