import { Failure, messageOf } from "../failure.ts";
import { CLOCK_BOOTTIME, clockTime, identifyProcess } from "../sys/mod.ts";
import { addSpans, traceClock, Tracing } from "../trace.ts";
import { chromeTrace } from "./chrome_trace.ts";
import { printError } from "./output.ts";

/** Microseconds in a clock tick: USER_HZ is 100 on every architecture that counts (proc(5)). */
const TICK = 10_000;

/** Traces this process, and writes the trace when it is disposed of. */
export class TraceFile implements Disposable {
  readonly #path: string;
  readonly #command: string;
  readonly #file: Deno.FsFile;
  readonly #tracing: Tracing;
  readonly #start = processStart();

  /** @throws {Failure} when the file cannot be made */
  constructor(path: string, command: string) {
    this.#path = path;
    this.#command = command;
    try {
      this.#file = Deno.openSync(path, { write: true, create: true, truncate: true });
    } catch (cause) {
      throw new Failure(`Cannot write a trace to ${path}: ${messageOf(cause)}`, { cause });
    }
    this.#tracing = new Tracing("command", this.#start);
    const loaded = Math.round(performance.timeOrigin * 1000);
    addSpans([
      { part: "command", name: "start of the runtime", start: this.#start, end: loaded },
      {
        part: "command",
        name: "modules, options, configuration",
        start: loaded,
        end: traceClock(),
      },
    ]);
  }

  [Symbol.dispose](): void {
    using file = this.#file;
    using tracing = this.#tracing;
    try {
      const trace = chromeTrace(this.#command, this.#start, tracing.spans);
      const bytes = new TextEncoder().encode(JSON.stringify(trace) + "\n");
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    } catch (error) {
      // How the command ended is told all the same.
      printError(`podvisor: Cannot write a trace to ${this.#path}: ${messageOf(error)}\n`);
    }
  }
}

/** When this process was started, to a clock tick, in microseconds since 1970. */
function processStart(): number {
  const age = Number(clockTime(CLOCK_BOOTTIME) / 1000n) -
    identifyProcess(Deno.pid)!.startTime * TICK;
  return Math.min(traceClock() - age, Math.round(performance.timeOrigin * 1000));
}
