import { getLogger } from "../log.ts";
import { Stream } from "../proxy/mod.ts";
import { AttachServer } from "./attach_server.ts";
import { type ExitPlaces, recordExit } from "./exit_status.ts";
import { InputQueue } from "./input_queue.ts";
import { LogWriter } from "./log_writer.ts";
import { Shim, type ShimResult } from "./shim.ts";

/** A process that runs in the background. */
export interface DetachedOptions extends ExitPlaces {
  token: string;
  /** Milliseconds for which a lost proxy is looked for again. */
  reconnectTimeout: number;
  /** File for its output. */
  log: string;
  /** Size in bytes at which the log file is put aside. */
  logSize?: number;
  /** Its stdin stays open for those who attach. */
  interactive: boolean;
  /** Socket for those who attach. */
  attach?: string;
  /** Called once its streams arrive here. */
  onConnected?: () => void;
  /** Lets go of the process and of those who attached, at once. */
  signal?: AbortSignal;
}

/** How long clients may take to read the last output, in milliseconds. */
const DRAIN_TIMEOUT = 2000;

/**
 * Serves a process in the background: its output goes to a log file and to those who attach, whose input it gets. Its
 * exit status is written down before they learn of it; a process that is lost leaves none.
 */
export async function serveDetached(options: DetachedOptions): Promise<ShimResult> {
  const { container, attach, signal } = options;
  await using resources = new AsyncDisposableStack();
  const log = resources.use(new LogWriter(options.log, options.logSize));
  const stdin = new InputQueue();
  let server: AttachServer | undefined;
  const sink = (stream: number) => ({
    write: async (bytes: Uint8Array) => {
      await Promise.all([server?.output(stream, bytes), log.output(stream, bytes)]);
      return bytes.length;
    },
  });
  const shim = new Shim({
    ...options,
    terminal: false,
    stdin,
    stdout: sink(Stream.stdout),
    stderr: sink(Stream.stderr),
  });
  if (attach !== undefined) {
    server = resources.use(
      new AttachServer(attach, {
        input: (bytes) => stdin.write(bytes),
        signal: (number, size) => shim.signal(number, size),
      }),
    );
  }
  const letGo = () => {
    shim.close();
    // What is on its way to one of them would be waited for.
    server?.[Symbol.asyncDispose]();
  };
  signal?.addEventListener("abort", letGo);
  resources.defer(() => signal?.removeEventListener("abort", letGo));
  const result = await shim.run();
  const diagnostics = getLogger("shim", { container });
  if (result.kind === "lost") {
    diagnostics.warn("process lost", { reason: result.reason });
  } else {
    diagnostics.info("process ended", { code: result.code });
    await recordExit(options, result.code);
  }
  await server?.finish(result, DRAIN_TIMEOUT);
  return result;
}
