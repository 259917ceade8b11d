import { oldLog } from "./log_writer.ts";

const READ_SIZE = 64 * 1024;
const NEWLINE = 10;
/** More than a line's time, stream and tag take. */
const HEAD = 128;

/** A log's files as one row of lines, the file put aside first; files that are put aside while reading are followed. */
export class LogFiles implements Disposable {
  readonly #path: string;
  readonly #maxLine: number;
  /** Open while it is the present one, so that no other file gets its number. */
  #file: Deno.FsFile | undefined;
  #inode: number | null = null;
  #rest = new Uint8Array(0);

  /** @param maxLine longest text of a line; longer ones are damage, and skipped */
  constructor(path: string, maxLine: number) {
    this.#path = path;
    this.#maxLine = maxLine + HEAD;
  }

  /** Reads the lines, with their newlines, that are there and were not read before. */
  async *lines(): AsyncGenerator<Uint8Array, void> {
    const buffer = new Uint8Array(READ_SIZE);
    while (this.#file || this.#advance()) {
      // Asked before reading to the end: a file that has a successor grows no more.
      const next = this.#successor();
      for (let count; (count = await this.#file!.read(buffer)) !== null;) {
        yield* this.#split(buffer.subarray(0, count));
      }
      if (next === undefined) return;
      next.close();
      this.#rest = new Uint8Array(0);
      if (!this.#advance()) return;
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
  }

  *#split(bytes: Uint8Array): Generator<Uint8Array> {
    let from = 0;
    for (let end; (end = bytes.indexOf(NEWLINE, from)) >= 0; from = end + 1) {
      const piece = bytes.subarray(from, end + 1);
      const line = this.#rest.length > 0 ? joined(this.#rest, piece) : piece;
      this.#rest = new Uint8Array(0);
      if (line.length <= this.#maxLine) yield line;
    }
    // One byte too many marks a line that is skipped, without keeping more of it.
    this.#rest = joined(this.#rest, bytes.subarray(from)).slice(0, this.#maxLine + 1);
  }

  /** Goes on to the next file. @returns whether there was one */
  #advance(): boolean {
    const next = this.#successor();
    if (!next) return false;
    this.#file?.close();
    this.#file = next;
    this.#inode = next.statSync().ino;
    return true;
  }

  /** The file after the present one, opened; nothing when the present one is the last. */
  #successor(): Deno.FsFile | undefined {
    for (;;) {
      using old = new DisposableStack();
      const before = openIfThere(oldLog(this.#path));
      if (before) old.defer(() => before.close());
      const oldInode = before?.statSync().ino;
      const newest = openIfThere(this.#path);
      if (oldInode !== inodeOf(oldLog(this.#path))) {
        // Files were changed over in between.
        newest?.close();
        continue;
      }
      if (newest && newest.statSync().ino === this.#inode) {
        newest.close();
        return undefined;
      }
      if (!before || oldInode === this.#inode) return newest;
      newest?.close();
      old.move();
      return before;
    }
  }
}

function openIfThere(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function inodeOf(path: string): number | null | undefined {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
