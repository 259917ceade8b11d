import { type ProxyFrame, Stream, writeAll } from "../proxy/mod.ts";
import type { ByteSink } from "./streams.ts";

/** Where a process's two output streams go, and what to do when nobody takes them any more. */
export interface OutputOptions {
  stdout: ByteSink;
  stderr: ByteSink;
  /** Called once for each further batch of output that cannot be written. */
  onBroken(): void;
}

/** Writes the stream frames of one read: neighbours of the same stream in one call. */
export class OutputWriter {
  readonly #options: OutputOptions;
  readonly #broken = new Set<number>();
  #stream: number = Stream.stdout;
  #run: Uint8Array | undefined;

  constructor(options: OutputOptions) {
    this.#options = options;
  }

  /**
   * Takes a stdout or stderr frame. Its payload is moved, in the buffer that it lies in, up to the one before it, so
   * that both are written at once: the buffer belongs to the writer until {@linkcode OutputWriter.flush}.
   */
  async add({ opcode, payload, bytes }: ProxyFrame): Promise<void> {
    const run = this.#run;
    const end = run ? run.byteOffset + run.length : 0;
    const gap = payload.byteOffset - end;
    const follows = run && opcode === this.#stream && run.buffer === bytes.buffer && gap > 0 &&
      bytes.byteOffset >= end;
    if (!follows) {
      await this.flush();
      this.#stream = opcode;
      this.#run = payload;
      return;
    }
    const whole = new Uint8Array(run.buffer as ArrayBuffer, run.byteOffset);
    whole.copyWithin(run.length, run.length + gap, run.length + gap + payload.length);
    this.#run = whole.subarray(0, run.length + payload.length);
  }

  /** Writes what is there. */
  async flush(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    if (this.#broken.has(this.#stream)) return this.#options.onBroken();
    const { stdout, stderr } = this.#options;
    try {
      await writeAll(this.#stream === Stream.stdout ? stdout : stderr, run);
    } catch {
      this.#broken.add(this.#stream);
      this.#options.onBroken();
    }
  }
}

/** Bytes to read at once: several frames of the guest's usual size. */
export const READ_SIZE = 256 * 1024;
