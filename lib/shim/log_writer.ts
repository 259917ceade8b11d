import { messageOf } from "../failure.ts";
import { getLogger } from "../log.ts";
import { BufferPool, writeAll } from "../proxy/mod.ts";
import { LogLines, logTime, MAX_LOG_LINE } from "./log_format.ts";

/** Size in bytes at which a log file is put aside. */
export const LOG_SIZE = 10 * 1024 * 1024;

/** Where lines are put together: one for each write that goes on, by whichever writer. */
const buffers = new BufferPool(4 * MAX_LOG_LINE);

/** The name of the log file that was put aside. */
export function oldLog(file: string): string {
  return `${file}.1`;
}

/**
 * Writes a process's output into a log file, which is put aside when it has become too long; the one put aside before
 * is lost then. A log that cannot be written must not stop the container: its output is dropped, and podvisor's log
 * says so.
 */
export class LogWriter implements Disposable {
  readonly #path: string;
  readonly #limit: number;
  #file: Deno.FsFile;
  #size: number;
  #failing = false;

  /** @param limit size in bytes of one file @throws {Deno.errors} when the file cannot be opened */
  constructor(path: string, limit = LOG_SIZE) {
    this.#path = path;
    this.#limit = limit;
    this.#file = open(path);
    this.#size = this.#file.statSync().size;
  }

  /**
   * @param stream `Stream.stdout` or `Stream.stderr`
   * @param bytes any part of its output
   */
  async output(stream: number, bytes: Uint8Array): Promise<void> {
    try {
      await this.#write(new LogLines(stream, bytes, logTime()));
      this.#failing = false;
    } catch (error) {
      if (this.#failing) return;
      this.#failing = true;
      getLogger("shim").error("Cannot write a container's log", {
        file: this.#path,
        error: messageOf(error),
      });
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  /** As many lines at once as go into the file; one at least, where it is still empty. */
  async #write(lines: LogLines): Promise<void> {
    const buffer = buffers.take();
    try {
      while (!lines.done) {
        let length = lines.put(buffer.bytes.subarray(0, Math.max(0, this.#limit - this.#size)));
        if (length === 0 && this.#size > 0) {
          this.#rotate();
          continue;
        }
        // One that is longer than a file may become.
        if (length === 0) length = lines.put(buffer.bytes.subarray(0, MAX_LOG_LINE));
        this.#size += length;
        await writeAll(this.#file, buffer.bytes.subarray(0, length));
      }
    } finally {
      buffer.release();
    }
  }

  #rotate(): void {
    Deno.renameSync(this.#path, oldLog(this.#path));
    const next = open(this.#path);
    this.#file.close();
    this.#file = next;
    this.#size = 0;
  }
}

function open(path: string): Deno.FsFile {
  return Deno.openSync(path, { append: true, create: true, mode: 0o600 });
}
