import { getLogger, type LogFields, type LogLevel } from "../log.ts";
import { parseLogRecord } from "./payloads.ts";

const log = getLogger("proxy");
const SOURCES = ["shim", "runtime"];
const LEVELS: readonly string[] = ["debug", "info", "warn", "error"] satisfies LogLevel[];

/** Writes a client's log record to the proxy's own log. Throws for one that breaks the rules (cc-proxy-protocol 4.8). */
export function writeLogRecord(payload: Uint8Array): void {
  const { source, containerId, level, msg } = parseLogRecord(payload);
  if (!SOURCES.includes(source)) throw new Error(`log: unknown source ${source}`);
  if (!LEVELS.includes(level)) throw new Error(`log: unknown level ${level}`);
  if (msg === "") throw new Error("log: empty message");
  const fields: LogFields = containerId === "" ? { source } : { source, container: containerId };
  log[level as LogLevel](msg, fields);
}
