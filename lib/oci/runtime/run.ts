import { Failure } from "../../failure.ts";
import { Undo, waitForContainer } from "../../pod/mod.ts";
import { signalIdentified, SIGNALS } from "../../sys/mod.ts";
import type { RuntimeContext } from "./context.ts";
import { createFromBundle, type CreateOptions } from "./create.ts";
import { deleteContainer } from "./delete.ts";
import { startCreated } from "./start.ts";

/** What `run --bundle` was asked for. */
export interface RunOptions extends Omit<CreateOptions, "foreground"> {
  /** Return once it runs. */
  detach: boolean;
  /** Leave it when it has ended. */
  keep: boolean;
  /** Called when it runs, with the way to signal it. */
  onStarted?: (signal: (number: number) => Promise<void>) => void;
}

/**
 * Makes a container and starts it; unless it is detached, waits for its end, and removes it unless it is kept.
 *
 * @returns its exit code; 0 for one that goes on
 * @throws {Failure} when it does not start; nothing of it is left then
 */
export async function runBundle(context: RuntimeContext, options: RunOptions): Promise<number> {
  const { detach, keep, onStarted, ...create } = options;
  const { id } = create;
  const record = await createFromBundle(context, { ...create, foreground: !detach });
  await using undo = new Undo({ container: id });
  undo.defer("the container", () => deleteContainer(context, id, true));
  await startCreated(context, id);
  if (detach) {
    undo.keep();
    return 0;
  }
  const send = (number: number) => {
    if (record.process) signalIdentified(record.process, number);
    return Promise.resolve();
  };
  const resized = () => void send(SIGNALS.WINCH!);
  Deno.addSignalListener("SIGWINCH", resized);
  using _listening = {
    [Symbol.dispose]: () => Deno.removeSignalListener("SIGWINCH", resized),
  };
  onStarted?.(send);
  const { exit, reason } = await waitForContainer(
    context.tools.store,
    record.pod,
    record.container,
  );
  if (keep) undo.keep();
  if (exit) return exit.code;
  throw new Failure(`Cannot tell how the container ${id} ended: ${reason}`);
}
