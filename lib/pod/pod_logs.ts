// Past its room's face, which brings the making of VMs along.
import { readConsoleTail } from "../hypervisor/console_tail.ts";
import type { PodDirectory } from "./store.ts";

/** Files of a pod's own log, one for each part that writes one. */
export const POD_LOGS = { command: "command.log", proxy: "proxy.log", shim: "shim.log" } as const;

/** File that the guest's console is written to. */
export const CONSOLE_LOG = "console.log";

/** One line of a pod's log. */
export interface PodLogLine {
  /** `command`, `proxy`, `shim` or `console`, the guest's. */
  part: string;
  /** RFC 3339, UTC; null for the console, which tells none. */
  time: string | null;
  level: string | null;
  text: string;
  fields: Record<string, unknown>;
}

/** A record as the log's JSON lines have it. */
interface LoggedRecord {
  "@timestamp": string;
  level: string;
  message: string;
  properties: Record<string, unknown>;
}

/** What all parts of a pod have logged, in order of time, and then the end of the guest's console. */
export async function readPodLogs(directory: PodDirectory): Promise<PodLogLine[]> {
  const parts = await Promise.all(
    Object.entries(POD_LOGS).map(([part, name]) => readPart(part, directory.file(name))),
  );
  const lines = parts.flat().sort((a, b) => a.time!.localeCompare(b.time!));
  const console = readConsoleTail(directory.file(CONSOLE_LOG)).map((text): PodLogLine => ({
    part: "console",
    time: null,
    level: null,
    text,
    fields: {},
  }));
  return [...lines, ...console];
}

async function readPart(part: string, path: string): Promise<PodLogLine[]> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return text.split("\n").flatMap((line) => {
    const record = parseRecord(line);
    if (!record) return [];
    const { "@timestamp": time, level, message, properties } = record;
    // The shims that the proxy serves tell it in the proxy's log.
    const teller = properties.subsystem === "shim" ? "shim" : part;
    return [{ part: teller, time, level: level.toLowerCase(), text: message, fields: properties }];
  });
}

/** The last line may be cut short by a crash. */
function parseRecord(line: string): LoggedRecord | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
