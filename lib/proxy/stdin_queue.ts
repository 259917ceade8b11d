import { writeU32 } from "../hyperstart/mod.ts";
import { encodeProxyFrame, FrameType, Notification } from "./frame.ts";
import type { ShimConnection } from "./session.ts";

/**
 * Stdin of a shim that keeps to a credit: its frames are passed on in order while the connection is read further, so
 * that a signal gets through although the guest takes no stdin. A shim that exceeds its credit is read no further.
 */
export class StdinQueue {
  readonly #shim: ShimConnection;
  readonly #credit: number;
  #last: Promise<void> = Promise.resolve();
  #underWay = 0;

  constructor(shim: ShimConnection, credit: number) {
    this.#shim = shim;
    this.#credit = credit;
  }

  /**
   * Takes one frame with `count` bytes of payload, copied, and has `write` write it when its turn comes. When that
   * fails, the shim's connection is closed.
   */
  async push(
    frame: Uint8Array,
    count: number,
    write: (frame: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const copy = frame.slice();
    this.#underWay += copy.length;
    this.#last = this.#last.then(async () => {
      await write(copy);
      this.#underWay -= copy.length;
      if (count > 0) await this.#shim.writeFrames(stdinTaken(count));
    }).catch(() => this.#shim.close());
    // Twice, since the credit counts no headers.
    if (this.#underWay > 2 * this.#credit) await this.#last;
  }
}

function stdinTaken(count: number): Uint8Array {
  const payload = new Uint8Array(4);
  writeU32(payload, 0, count);
  return encodeProxyFrame(FrameType.notification, Notification.stdinTaken, payload);
}
