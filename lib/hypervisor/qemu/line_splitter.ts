/** A line that is longer than agreed: nothing after it can be trusted to be a line. */
export class LineTooLongError extends Error {
  override readonly name = "LineTooLongError";
}

/** Cuts a stream of bytes into lines of text, whatever pieces it comes in. */
export class LineSplitter {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  /** @param limit longest line, in bytes without its end */
  constructor(readonly limit: number) {}

  /**
   * The lines that are complete with `bytes`, without their ends (LF or CR LF).
   *
   * @throws {LineTooLongError}
   */
  push(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      this.#keep(bytes.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    this.#keep(bytes.subarray(start));
    return lines;
  }

  #keep(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#length > this.limit) {
      throw new LineTooLongError(`Cannot read a line: it is longer than ${this.limit} bytes`);
    }
    if (piece.length > 0) this.#pieces.push(piece.slice());
  }

  #take(): string {
    const decoder = new TextDecoder();
    let line = this.#pieces.map((piece) => decoder.decode(piece, { stream: true })).join("");
    line += decoder.decode();
    this.#pieces.length = 0;
    this.#length = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  }
}
