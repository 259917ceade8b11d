import {
  C_STDIN_PIECE,
  encodeStreamFrame,
  StreamDecoder,
  type StreamFrame,
} from "../hyperstart/mod.ts";
import { within } from "./deadline.ts";
import type { OutputSink } from "./guest_streams.ts";
import { Turn } from "./turn.ts";

/** A sequence that no session gets. */
export const ECHO_SEQUENCE = 0xffff_ffff;

/** How long an echo may take before the guest is taken to be busy, in milliseconds. */
const ECHO_TIMEOUT = 5000;

/**
 * Stdin for a C guest, which takes at most 512 bytes at a time for a process and drops the rest without a word. Each
 * piece is followed by a frame of a sequence that the guest does not know, which it answers with an empty one
 * (hyperstart-protocol 6.2): then it has taken the piece, and the next may go.
 */
export class PacedStdin implements OutputSink {
  readonly #write: (frames: Uint8Array) => Promise<void>;
  readonly #turn = new Turn();
  #echo: PromiseWithResolvers<void> | undefined;

  /** @param write writes frames to the guest's stream channel */
  constructor(write: (frames: Uint8Array) => Promise<void>) {
    this.#write = write;
  }

  /** Writes one whole frame of stdin, in pieces; resolves when the guest has taken the last. */
  async write(frame: Uint8Array): Promise<void> {
    using _turn = await this.#turn.take();
    const decoder = new StreamDecoder();
    decoder.push(frame);
    for (let next = decoder.next(); next; next = decoder.next()) {
      const { sequence, payload } = next;
      if (payload.length === 0) await this.#write(encodeStreamFrame(sequence));
      for (let at = 0; at < payload.length; at += C_STDIN_PIECE) {
        await this.#pass(sequence, payload.subarray(at, at + C_STDIN_PIECE));
      }
    }
  }

  /** An echo has come back; nothing of it is for a shim. */
  convert(_frame: StreamFrame): boolean {
    this.#echo?.resolve();
    return false;
  }

  output(): void {}

  async #pass(sequence: number, piece: Uint8Array): Promise<void> {
    const echo = Promise.withResolvers<void>();
    this.#echo = echo;
    await this.#write(encodeStreamFrame(sequence, piece));
    await this.#write(encodeStreamFrame(ECHO_SEQUENCE));
    await within(echo.promise, ECHO_TIMEOUT, () => "").catch(() => {});
    this.#echo = undefined;
  }
}
