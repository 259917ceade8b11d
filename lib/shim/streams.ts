/** Something that is read in pieces: a file, a socket. */
export interface ByteSource {
  read(into: Uint8Array): Promise<number | null>;
}

/** Something that takes bytes, perhaps not all at once. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<number>;
}

/** What a shim connects to its process. */
export interface ShimStreams {
  /** Whether stdin is passed on. Without, the process finds its end at once. */
  interactive: boolean;
  /** Whether the process has a terminal: then stdin, where it is one, is put into raw mode and its size passed on. */
  terminal: boolean;
  /** Default: this process's own. */
  stdin?: ByteSource;
  stdout?: ByteSink;
  stderr?: ByteSink;
}
