import { messageOf } from "../failure.ts";
import { StreamDecoder, type StreamFrame } from "../hyperstart/mod.ts";
import { BufferPool, type SharedBuffer } from "./buffer_pool.ts";
import { joinViews } from "./join_views.ts";
import { Turn } from "./turn.ts";
import { writeAll } from "./write_all.ts";

const READ_SIZE = 256 * 1024;
/** What a guest that is gone may have left in its socket, in bytes: more than the kernel lets one hold by default. */
const REST = 1 << 20;

/** Where the output of one process goes. */
export interface OutputSink {
  /**
   * Turns a frame of the guest, in place, into the frame that the shim gets (both headers have 12 bytes).
   *
   * @returns whether there is something for the shim
   */
  convert(frame: StreamFrame): boolean;
  /** Takes converted frames; larger ones without a copy, holding `owner` until they are written. */
  output(frames: Uint8Array, owner: SharedBuffer | undefined): void;
}

/**
 * The stream channel of a VM: all processes' input and output, told apart by sequence.
 *
 * The originals' protocol has no flow control from guest to host. When a process's output is not read by its shim and its
 * queue is full, the only way to lose nothing within bounded memory is to stop reading the channel, which holds back the
 * other processes of the same VM too, until the shim reads on or goes away. With a guest that knows of output credit
 * (extensions.ts in lib/hyperstart) it does not come to that: the process itself is held back.
 */
export class GuestStreams {
  readonly #connection: Deno.UnixConn;
  readonly #find: (sequence: number) => OutputSink | undefined;
  readonly #pool = new BufferPool(READ_SIZE);
  readonly #turn = new Turn();
  readonly #full = new Set<OutputSink>();
  #resume = Promise.withResolvers<void>();
  #reads = 0;
  /** Bytes that are still read although queues are full; none when it is not positive. */
  #rest = 0;

  /** @param find whose a sequence is; frames of unknown ones are dropped */
  constructor(
    connection: Deno.UnixConn,
    find: (sequence: number) => OutputSink | undefined,
  ) {
    this.#connection = connection;
    this.#find = find;
  }

  /** Successful reads so far. */
  get reads(): number {
    return this.#reads;
  }

  /** A sink's queue is full: read nothing until {@linkcode GuestStreams.release}. */
  hold(sink: OutputSink): void {
    this.#full.add(sink);
  }

  /** A sink takes output again. */
  release(sink: OutputSink): void {
    if (!this.#full.delete(sink) || this.#full.size > 0) return;
    this.#goOn();
  }

  /** The guest seems to be gone: what it has left is read although queues are full, so that nobody waits for others. */
  readRest(): void {
    this.#rest = REST;
    this.#goOn();
  }

  /** Writes whole frames; resolves when the guest's socket has taken them, which is the back-pressure for stdin. */
  async write(frames: Uint8Array): Promise<void> {
    using _turn = await this.#turn.take();
    await writeAll(this.#connection, frames);
  }

  /** Reads until the channel ends or breaks; returns why. */
  async run(): Promise<string> {
    const frames = new StreamDecoder();
    try {
      for (;;) {
        while (this.#full.size > 0 && this.#rest <= 0) await this.#resume.promise;
        const buffer = this.#pool.take();
        const kept = frames.movePending(buffer.bytes);
        const count = await this.#connection.read(
          kept ? buffer.bytes.subarray(kept) : buffer.bytes,
        );
        if (count === null) return "the stream channel closed";
        this.#reads++;
        this.#rest -= count;
        frames.push(buffer.bytes.subarray(0, kept + count));
        this.#route(frames, buffer);
        buffer.release();
      }
    } catch (error) {
      return `the stream channel broke: ${messageOf(error)}`;
    }
  }

  close(): void {
    this.#connection.close();
  }

  #goOn(): void {
    this.#resume.resolve();
    this.#resume = Promise.withResolvers();
  }

  /** Hands out the frames of one read; adjacent ones of the same process in one go. */
  #route(frames: StreamDecoder, buffer: SharedBuffer): void {
    let run: { sink: OutputSink; bytes: Uint8Array } | undefined;
    const flush = () => {
      if (!run) return;
      run.sink.output(run.bytes, run.bytes.buffer === buffer.bytes.buffer ? buffer : undefined);
      run = undefined;
    };
    for (let frame = frames.next(); frame; frame = frames.next()) {
      const sink = this.#find(frame.sequence);
      if (!sink?.convert(frame)) continue;
      const joined = run?.sink === sink ? joinViews(run.bytes, frame.bytes) : undefined;
      if (run && joined) run.bytes = joined;
      else {
        flush();
        run = { sink, bytes: frame.bytes };
      }
    }
    flush();
  }
}
