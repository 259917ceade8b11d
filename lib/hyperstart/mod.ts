/** The guest protocol: codes, messages, and the codecs of both channels. Imports nothing outside this room. */

export { CAPABILITY_NAMES } from "./capability_names.ts";
export * from "./codes.ts";
export * from "./guest_dialect.ts";
export { readU32, writeU32 } from "./byte_order.ts";
export { FrameError, FrameSplitter, type Framing } from "./frame_splitter.ts";
export * from "./control_frame.ts";
export * from "./stream_frame.ts";
export type * from "./complete.ts";
export type * from "./container_message.ts";
export type * from "./messages.ts";
export type * from "./network_message.ts";
export type * from "./process_message.ts";
export { Fields, MessageError } from "./fields.ts";
export * from "./parse_container.ts";
export * from "./parse_messages.ts";
export { parseSetupInterface, parseSetupRoutes } from "./parse_network.ts";
export * from "./extensions.ts";
export * from "./guest_clock.ts";
export * from "./guest_trace.ts";
export * from "./process_files.ts";
export { startFailureExitCode, startFailureMessage } from "./start_failure.ts";
