/** The shim: carries one process's streams, as a class and as a program. */

export { Shim, type ShimOptions, type ShimResult } from "./shim.ts";
export type { ByteSink, ByteSource, ShimStreams } from "./streams.ts";
export { shimMain } from "./main.ts";

/** Starts the shim of a detached container, which leaves its exit status in a file. */
export function startShim(
  _: {
    container: string;
    url: string;
    token: string;
    terminal: boolean;
    log: string;
    exit: string;
    attach: string;
  },
): number {
  throw new Error("not yet");
}
