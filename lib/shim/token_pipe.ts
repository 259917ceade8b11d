import { type Fd, pipe, writeSome } from "../sys/mod.ts";

/** Descriptor on which a shim finds its token: what opens a process's streams is not for everybody to see. */
export const TOKEN_FD = 3;

/** The end of a pipe from which a text can be read once. It is short: nobody reads while it is written. */
export function tokenPipe(text: string): Fd {
  const { read, write } = pipe();
  using _write = write;
  writeSome(write.number, new TextEncoder().encode(text));
  return read;
}
