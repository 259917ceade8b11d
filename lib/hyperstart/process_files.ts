import { Fields, MessageError } from "./fields.ts";

/**
 * `process-files`: PSCONTAINER with the format `files` is answered with what the guest's kernel tells of the container's
 * processes (`ProcessFiles`). Guests that do not know it answer ERROR.
 */
export const FEATURE_PROCESS_FILES = "process-files";

/** The format. */
export const PROCESS_FILES_FORMAT = "files";

/** What the kernel tells of one process: files of its directory (proc(5)), as they are. */
export interface ProcessText {
  stat: string;
  /** Only the lines that {@linkcode STATUS_LINES} names. */
  status: string;
  cmdline: string;
}

/** The processes of a container. */
export interface ProcessFiles {
  /** Hundredths of a second since the guest's kernel was started. */
  uptime: number;
  processes: ProcessText[];
}

/** Lines of a process's `status` that are told: the others say nothing outside the guest, or are long. */
export const STATUS_LINES = ["Uid", "Gid", "Groups", "NSpid", "NSpgid", "NSsid", "VmRSS"]
  .concat("Threads", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp");

/** More processes than these are not told. */
export const MAX_PROCESSES = 1000;
/** Bytes of an answer, with room for its frame: those that fit no more are left out. */
const MAX_LENGTH = 1_000_000;

/** The answer of a guest. */
export function encodeProcessFiles({ uptime, processes }: ProcessFiles): Uint8Array {
  const encoder = new TextEncoder();
  const told: string[] = [];
  let length = 64;
  for (const process of processes.slice(0, MAX_PROCESSES)) {
    const text = JSON.stringify(process);
    length += encoder.encode(text).length + 1;
    if (length > MAX_LENGTH) break;
    told.push(text);
  }
  return encoder.encode(`{"uptime":${uptime},"processes":[${told.join(",")}]}`);
}

/** Reads what a guest answers; the texts may be anything. Throws `MessageError`. */
export function parseProcessFiles(payload: Uint8Array): ProcessFiles {
  const fields = Fields.parse(payload, "processes");
  const processes = fields.objects("processes", (each) => ({
    stat: each.string("stat"),
    status: each.string("status"),
    cmdline: each.string("cmdline"),
  }));
  if (processes.length > MAX_PROCESSES) {
    throw new MessageError(`Cannot read processes: they are ${processes.length}`);
  }
  return { uptime: fields.integer("uptime"), processes };
}
