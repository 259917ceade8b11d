import { join } from "@std/path";
import { messageOf } from "../failure.ts";
import { hostShim, type HostShimOptions, startShim } from "../shim/mod.ts";
import { endProcess, identifyProcess, makeLifePipe, type ProcessIdentity } from "../sys/mod.ts";
import { exitFile } from "./exit_file.ts";
import { kindsOf } from "./kinds.ts";
import type { LoadedPod } from "./load_pod.ts";
import { POD_LOGS } from "./pod_logs.ts";
import type { ContainerRecord, ShimRecord } from "./records.ts";

/** The file that keeps what a detached container prints. */
export function logFile({ directory }: LoadedPod, container: string): string {
  return join(directory.container(container), "log");
}

/** The socket on which a detached container's shim takes those who attach. */
export function attachSocket({ directory }: LoadedPod, container: string): string {
  return join(directory.container(container), "attach.sock");
}

/** What the shim of a container is to be connected to. */
export interface ShimPlace {
  container: string;
  url: string;
  token: string;
  /** File for its exit status; none for a further process. */
  exit?: string;
  /** The pod, of a container's first process, where its guest can be asked about it. */
  pod?: string;
  /** File for what it has to tell itself. */
  diagnostics: string;
}

/** Starts the shim of a container, and returns its pid. */
export type ShimStarter = (place: ShimPlace) => number;

/** A container's shim that has just been made. */
export interface GivenShim {
  /** null: nobody has its streams. */
  record: ShimRecord | null;
  /** It is on record, and outlives this command. */
  keep(): Promise<void>;
  /** Ends it. */
  end(): Promise<void>;
}

/**
 * Gives a container its shim: in the pod's proxy, where both are podvisor's own and no engine has a process of its own
 * started; else a process.
 *
 * @param streams where the proxy has its streams
 * @throws {Error} saying why there is none
 */
export async function giveShim(
  loaded: LoadedPod,
  { id, config }: ContainerRecord,
  streams: { url: string; token: string },
  starter?: ShimStarter,
): Promise<GivenShim> {
  const { pod, directory } = loaded;
  const { shim: program, proxy } = kindsOf(pod.config);
  // Without a shim nobody learns of its end.
  if (program.kind === "noop") return processShim(null);
  const exit = exitFile(directory, id);
  const diagnostics = directory.file(POD_LOGS.shim);
  // cc-proxy never answers again after a command that it does not know.
  const asked = proxy.kind === "builtin" ? { pod: pod.id } : {};
  const place = { ...streams, container: id, exit, diagnostics };
  if (starter) return processShim(starter({ ...place, ...asked }));
  const { interactive, command: { terminal } } = config;
  const background = { interactive, log: logFile(loaded, id), attach: attachSocket(loaded, id) };
  const host = pod.proxy?.hostsShims ? pod.proxy.process : null;
  return program.kind === "builtin" && host
    ? await shimInProxy(
      host,
      { ...place, pod: pod.id, ...background },
      join(directory.container(id), "life"),
    )
    : processShim(startShim({ ...place, ...asked, ...background, program, terminal }));
}

function processShim(pid: number | null): GivenShim {
  const record = pid === null ? null : identifyProcess(pid) ?? null;
  return {
    record,
    keep: () => Promise.resolve(),
    end: () => endProcess(record),
  };
}

async function shimInProxy(
  host: ProcessIdentity,
  request: Omit<HostShimOptions, "life">,
  life: string,
): Promise<GivenShim> {
  makeLifePipe(life);
  try {
    const shim = await hostShim({ ...request, life });
    return { record: { host, life }, keep: () => shim.keep(), end: () => shim.release() };
  } catch (error) {
    const what = `Cannot have the pod's proxy serve the container ${request.container}`;
    throw new Error(`${what}: ${messageOf(error)}`, { cause: error });
  }
}
