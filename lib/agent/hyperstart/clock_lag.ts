import type { ClockReading } from "../../hyperstart/mod.ts";

/**
 * What is known of how far a guest's clock is behind the host's: it lies between two bounds, in microseconds. A message
 * cannot have arrived before it was sent; that it may have arrived late makes the bounds wider and never wrong.
 */
export class ClockLag {
  #least = -Infinity;
  #most = Infinity;

  /** By how much the clock may be off. */
  get worst(): number {
    return Math.max(Math.abs(this.#least), Math.abs(this.#most));
  }

  /** The move that leaves the least to be off. */
  get correction(): number {
    return Math.round((this.#least + this.#most) / 2);
  }

  /**
   * Learns from the answer to a command.
   *
   * @param sent when it went out, by the host's clock
   * @param received when the answer came in
   * @param offset by which the command has moved the guest's clock, between the two times that it read there
   */
  learn(sent: number, received: number, { asked, clock }: ClockReading, offset: number): void {
    this.#least = Math.max(this.#least - offset, sent - asked - offset);
    this.#most = Math.min(this.#most - offset, received - clock);
  }
}
