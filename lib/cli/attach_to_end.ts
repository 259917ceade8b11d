import { Failure } from "../failure.ts";
import { attachSocket, findContainer, killContainer, loadPod, type PodTools } from "../pod/mod.ts";
import { attach } from "../shim/mod.ts";
import type { Target } from "./find_target.ts";
import type { ParsedOptions } from "./options.ts";
import { SignalRelay } from "./signal_relay.ts";

/**
 * Joins a container's streams until it ends; signals go to it.
 *
 * @param start starts it, once its streams are joined
 * @returns its exit code
 */
export async function attachToEnd(
  tools: PodTools,
  { pod, id }: Target,
  options: ParsedOptions,
  start?: () => Promise<unknown>,
): Promise<number> {
  const loaded = await loadPod(tools.store, pod);
  const { terminal } = findContainer(loaded, id).config.command;
  const interactive = start ? options.flag("interactive") : !options.flag("no-stdin");
  using relay = new SignalRelay();
  const attached = Promise.withResolvers<void>();
  const result = attach({
    socket: attachSocket(loaded, id),
    interactive,
    terminal,
    // Who has started it gets all of its output, as fast as it takes it.
    holdsBack: start !== undefined,
    signal: relay.abort,
    onAttached: () => attached.resolve(),
  });
  if (start) {
    try {
      // Not a byte of its output is to be missed.
      await Promise.race([attached.promise, result]);
      await start();
    } catch (error) {
      await result.catch(() => {});
      throw error;
    }
  }
  relay.sendTo((signal) => killContainer(tools, pod, id, signal, false));
  const ended = await result;
  relay.abort.throwIfAborted();
  if (ended.kind === "exited") return ended.code;
  throw new Failure(`Cannot tell how the container ${id} ended: ${ended.reason}`);
}
