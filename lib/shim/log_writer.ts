import { messageOf } from "../failure.ts";
import { getLogger } from "../log.ts";
import { writeAll } from "../proxy/mod.ts";
import { logLines, logTime } from "./log_format.ts";

/** Size in bytes at which a log file is put aside. */
export const LOG_SIZE = 10 * 1024 * 1024;

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
      await this.#write([...logLines(stream, bytes, logTime())]);
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

  /** As many lines at once as go into the file. */
  async #write(lines: Uint8Array[]): Promise<void> {
    for (let from = 0; from < lines.length;) {
      if (this.#size > 0 && this.#size + lines[from]!.length > this.#limit) this.#rotate();
      let to = from, length = 0;
      do length += lines[to++]!.length; while (
        to < lines.length && this.#size + length + lines[to]!.length <= this.#limit
      );
      await writeAll(this.#file, joined(lines.slice(from, to), length));
      this.#size += length;
      from = to;
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

function joined(pieces: Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
