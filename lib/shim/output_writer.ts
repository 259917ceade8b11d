import { type ProxyFrame, Stream, writeAll } from "../proxy/mod.ts";
import type { ByteSink } from "./streams.ts";

/** Where a process's two output streams go, and what to do when nobody takes them any more. */
export interface OutputOptions {
  stdout: ByteSink;
  stderr: ByteSink;
  /** Called when a stream cannot be written to, and once for each further batch of its output, without an error. */
  onBroken(error?: unknown): void;
}

/** Writes the stream frames of one read: neighbours of the same stream in one call. */
export class OutputWriter {
  readonly #options: OutputOptions;
  readonly #broken = new Set<number>();
  #stream: number = Stream.stdout;
  /** What waits is from `#start` to before `#end` in this memory. */
  #memory = new Uint8Array(0);
  #start = 0;
  #end = 0;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /**
   * Takes a stdout or stderr frame. Its payload is moved, in the buffer that it lies in, up to the one before it, so
   * that both are written at once: the buffer belongs to the writer until {@linkcode OutputWriter.flush}.
   *
   * @returns nothing when nothing has to be written first, which is so for most of many small frames
   */
  add(frame: ProxyFrame): Promise<void> | undefined {
    const { opcode, payload, bytes } = frame;
    const follows = this.#end > this.#start && opcode === this.#stream &&
      bytes.buffer === this.#memory.buffer && bytes.byteOffset >= this.#end;
    if (!follows) return this.#begin(frame);
    const { byteOffset, length } = payload;
    this.#memory.copyWithin(this.#end, byteOffset, byteOffset + length);
    this.#end += length;
    return undefined;
  }

  async #begin({ opcode, payload }: ProxyFrame): Promise<void> {
    await this.flush();
    this.#stream = opcode;
    this.#memory = new Uint8Array(payload.buffer as ArrayBuffer);
    this.#start = payload.byteOffset;
    this.#end = this.#start + payload.length;
  }

  /** Writes what is there. */
  async flush(): Promise<void> {
    if (this.#end === this.#start) return;
    const run = this.#memory.subarray(this.#start, this.#end);
    this.#end = this.#start;
    if (this.#broken.has(this.#stream)) return this.#options.onBroken();
    const { stdout, stderr } = this.#options;
    try {
      await writeAll(this.#stream === Stream.stdout ? stdout : stderr, run);
    } catch (error) {
      this.#broken.add(this.#stream);
      this.#options.onBroken(error);
    }
  }
}

/** Bytes to read at once: several frames of the guest's usual size. */
export const READ_SIZE = 256 * 1024;
