import { Shim, type ShimResult } from "./shim.ts";
import type { ShimStreams } from "./streams.ts";

/** A running container's streams, and how the caller's are joined to them. */
export interface AttachOptions extends ShimStreams {
  /** Path of the attach socket of the container's shim. */
  socket: string;
  /** The process waits when its output is not taken here; otherwise who takes none for long is sent away. */
  holdsBack?: boolean;
  /** Called when output arrives here from now on, with the way to signal the process. */
  onAttached?: (signal: (number: number) => Promise<void>) => void;
  /** Lets go of the container, which goes on. */
  signal?: AbortSignal;
}

/** Attach sockets are for their owner alone, and take any token; this one's client holds the process back. */
export const HOLDING_TOKEN = "attach01";
const TOKEN = "attach00";

/**
 * Joins the caller's standard streams to those of a container that runs in the background, until it has ended. With
 * `interactive` the end of stdin ends the container's too; without, its stdin is left alone.
 *
 * @returns how the container ended, or why its streams were lost
 */
export async function attach(options: AttachOptions): Promise<ShimResult> {
  const { socket, onAttached, signal, holdsBack, ...streams } = options;
  signal?.throwIfAborted();
  const shim = new Shim({
    ...streams,
    url: `unix://${socket}`,
    token: holdsBack ? HOLDING_TOKEN : TOKEN,
    container: socket,
    shared: true,
    onConnected: () => onAttached?.((number) => shim.signal(number)),
  });
  const letGo = () => shim.close();
  signal?.addEventListener("abort", letGo);
  try {
    return await shim.run();
  } finally {
    signal?.removeEventListener("abort", letGo);
  }
}
