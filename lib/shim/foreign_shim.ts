import { messageOf } from "../failure.ts";
import { loggingOptions } from "../log.ts";
import {
  collectChild,
  openProcess,
  pipe,
  signalName,
  signalProcess,
  SIGNALS,
  spawn,
  waitForEnd,
} from "../sys/mod.ts";
import type { ShimResult } from "./shim.ts";

/** Whose streams cc-shim is to carry. */
export interface ForeignShimOptions {
  container: string;
  token: string;
  /** The proxy's address. */
  url: string;
}

/** What becomes of its output. */
export type ForeignOutput = (bytes: Uint8Array) => Promise<void>;

/**
 * A process's streams in the hands of cc-shim, which is started as virtcontainers does (virtcontainers-behaviour 4):
 * it has this process's own streams, or none of stdin and its output goes to functions.
 */
export class ForeignShim {
  readonly #path: string;
  readonly #options: ForeignShimOptions;
  readonly #sinks: { stdout: ForeignOutput; stderr: ForeignOutput } | undefined;
  #pid: number | undefined;

  constructor(
    path: string,
    options: ForeignShimOptions,
    sinks?: { stdout: ForeignOutput; stderr: ForeignOutput },
  ) {
    this.#path = path;
    this.#options = options;
    this.#sinks = sinks;
  }

  async run(): Promise<ShimResult> {
    try {
      await using outputs = new AsyncDisposableStack();
      const pid = this.#start(outputs);
      this.#pid = pid;
      using process = openProcess(pid);
      if (process) await waitForEnd(process);
      this.#pid = undefined;
      const status = collectChild(pid);
      if (status?.kind === "exited") return status;
      const how = status ? `was killed by ${signalName(status.signal)}` : "is gone";
      return { kind: "lost", reason: `${this.#path} ${how}` };
    } catch (error) {
      return { kind: "lost", reason: `${this.#path} cannot be started: ${messageOf(error)}` };
    }
  }

  /** It ends with this process, and the process whose streams it has ends with it. */
  #start(outputs: AsyncDisposableStack): number {
    const { container, token, url } = this.#options;
    const command = [this.#path, "-c", container, "-t", token, "-u", url];
    if (loggingOptions().level === "debug") command.push("-d");
    if (!this.#sinks) return spawn({ command, dieWithParent: true, descriptors: [0, 1, 2] });
    const { stdout, stderr } = this.#sinks;
    using ends = new DisposableStack();
    const descriptors = [stdout, stderr].map((sink) => {
      const { read, write } = pipe();
      ends.use(read);
      ends.use(write);
      // Opened anew: the runtime reads files, not numbers.
      const file = Deno.openSync(`/proc/self/fd/${read.number}`);
      const pumped = pump(file, sink);
      outputs.defer(() => pumped);
      return write.number;
    });
    return spawn({ command, dieWithParent: true, descriptors: [null, ...descriptors] });
  }

  /** It passes signals on; SIGKILL it cannot, but its end kills the process. */
  signal(number: number): Promise<void> {
    if (this.#pid !== undefined) signalProcess(this.#pid, number);
    return Promise.resolve();
  }

  close(): void {
    this.signal(SIGNALS.KILL!);
  }
}

async function pump(file: Deno.FsFile, sink: ForeignOutput): Promise<void> {
  for await (const bytes of file.readable) await sink(bytes);
}
