import { trace } from "../trace.ts";
import type { OptionSpec, ParsedOptions } from "./options.ts";

/** The option of commands that can tell where their time goes. */
export const TRACE_OPTION: OptionSpec = {
  name: "trace",
  kind: "value",
  placeholder: "FILE",
  help: "Write where the time went to FILE, for Perfetto",
};

/**
 * Does a command's work, with a trace of it if {@linkcode TRACE_OPTION} was given. The file is written however the work
 * ends.
 *
 * @param command its name, for the trace
 * @throws {Failure} when there is no writing to the file; as the work does
 */
export async function traced<T>(
  options: ParsedOptions,
  command: string,
  work: () => Promise<T>,
): Promise<T> {
  const path = options.value("trace");
  if (path === undefined) return await work();
  const { TraceFile } = await import("./trace_file.ts");
  using _file = new TraceFile(path, command);
  using _span = trace(command);
  return await work();
}
