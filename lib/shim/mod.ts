/** The shim: carries one process's streams in the foreground or the background, keeps its log, and lets others attach. */

export { Shim, type ShimOptions, type ShimResult } from "./shim.ts";
export type { ByteSink, ByteSource, ShimStreams } from "./streams.ts";
export type { TerminalSize } from "./terminal.ts";
export { attach, type AttachOptions } from "./attach.ts";
export { type ForegroundShim, makeShim, type ShimProgram } from "./program.ts";
export { startShim, type StartShimOptions } from "./start_shim.ts";
export { type HandedShim, hostShim, type HostShimOptions, releaseShim } from "./host_shim.ts";
export { readLog, type ReadLogOptions } from "./log_reader.ts";
export type { LogEntry } from "./log_format.ts";
export { shimMain } from "./main.ts";
export { type EngineShimOptions, startEngineShim } from "./start_engine_shim.ts";
