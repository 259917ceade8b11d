import { Stream } from "../proxy/mod.ts";
import { SIGNALS } from "../sys/mod.ts";
import { writeExit } from "./exit_status.ts";
import { ForeignShim, type ForeignShimOptions } from "./foreign_shim.ts";
import { LogWriter } from "./log_writer.ts";
import type { ShimResult } from "./shim.ts";

/** A process in the background whose streams cc-shim carries. */
export interface ForeignDetachedOptions extends ForeignShimOptions {
  /** Path of cc-shim. */
  program: string;
  /** File for its output. */
  log: string;
  logSize?: number;
  /** File for its exit status. */
  exit?: string;
}

/**
 * Keeps what cc-shim prints and how it ends, which the command that started the process is no longer there to see. When
 * this process is told to end, cc-shim ends with it.
 */
export async function serveForeignDetached(options: ForeignDetachedOptions): Promise<ShimResult> {
  using log = new LogWriter(options.log, options.logSize);
  const sink = (stream: number) => (bytes: Uint8Array) => log.output(stream, bytes);
  const shim = new ForeignShim(options.program, options, {
    stdout: sink(Stream.stdout),
    stderr: sink(Stream.stderr),
  });
  using listeners = new DisposableStack();
  for (const name of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    const forward = () => void shim.signal(SIGNALS[name.slice(3)]!);
    Deno.addSignalListener(name, forward);
    listeners.defer(() => Deno.removeSignalListener(name, forward));
  }
  const result = await shim.run();
  if (result.kind === "exited" && options.exit !== undefined) {
    await writeExit(options.exit, result.code);
  }
  return result;
}
