import {
  CCode,
  FEATURE_SIGNAL_SEQUENCE,
  GoCode,
  type GuestDialect,
  type GuestHello,
  type KillContainer,
  type NamedSignal,
  type NamedWindowSize,
  type SequenceSignal,
  SIGNAL_SEQUENCE_CODE,
  type WindowSize,
} from "../hyperstart/mod.ts";
import type { Session } from "./session.ts";
import { signalText } from "./signal_texts.ts";

/** C hyperstart's name for a container's first process, where the message that started it gave none. */
const INIT = "init";

/** A command about a process that runs, in the words of its guest. */
export interface ProcessCommand {
  code: number;
  message: SequenceSignal | NamedSignal | KillContainer | WindowSize | NamedWindowSize;
}

/**
 * How a guest is told to signal a session's process: by sequence, by names, or, when all it knows is containers, only
 * for a container's first process.
 *
 * @throws {Error} in cc-proxy's words when the guest has no way to do it
 */
export function signalCommand(
  dialect: GuestDialect,
  hello: GuestHello | undefined,
  { base, process }: Session,
  signal: number,
): ProcessCommand {
  if (hello?.features.includes(FEATURE_SIGNAL_SEQUENCE)) {
    return { code: SIGNAL_SEQUENCE_CODE, message: { seq: base, signal } };
  }
  if (process?.kind === "init") {
    const { container } = process;
    return { code: GoCode.KILLCONTAINER, message: { container, signal, allProcesses: false } };
  }
  if (dialect === "c4244" && process && process.processId !== "") {
    const { container, processId } = process;
    return { code: CCode.SIGNALPROCESS, message: { container, process: processId, signal } };
  }
  throw new Error(
    `Could not send the signal ${signalText(signal)}: Sending a signal to a process different ` +
      "from the initial container process is not supported",
  );
}

/** How a guest is told the size of a session's terminal: by sequence, or by names. */
export function resizeCommand(
  dialect: GuestDialect,
  { base, process }: Session,
  columns: number,
  rows: number,
): ProcessCommand {
  const code = GoCode.WINSIZE;
  if (dialect !== "c4244" || !process) {
    return { code, message: { seq: base, row: rows, column: columns } };
  }
  const { container, processId } = process;
  const name = processId === "" ? INIT : processId;
  return { code, message: { container, process: name, row: rows, column: columns } };
}
