import {
  codeName,
  CONTAINER_COUNTERS_CODE,
  ControlDecoder,
  DELETE_ROUTE_CODE,
  encodeClockReading,
  encodeControlFrame,
  encodeGuestTrace,
  encodeProcessFiles,
  FREEZE_CONTAINER_CODE,
  GoCode,
  GRANT_SEQUENCE,
  MOVE_CLOCK_CODE,
  parseExecCommand,
  parseFreezeContainer,
  parseGrants,
  parseKillContainer,
  parseMoveClock,
  parseNewContainer,
  parseOnlineResources,
  parsePsContainer,
  parseRemoveContainer,
  parseSequenceSignal,
  parseSetupInterface,
  parseSetupRoutes,
  parseStartPod,
  parseTraceCommand,
  parseUpdateContainer,
  parseWindowSize,
  PROCESS_FILES_FORMAT,
  RELEASE_CONTAINER_CODE,
  SIGNAL_SEQUENCE_CODE,
  StreamDecoder,
  TRACE_CODE,
  UPDATE_CONTAINER_CODE,
} from "../../hyperstart/mod.ts";
import { pause } from "../../sys/mod.ts";
import { trace } from "../../trace.ts";
import { errorFrame, messageOf } from "./error_frame.ts";

import { timeOfDay } from "./renewal.ts";
import { note } from "./note.ts";
import {
  type GuestContainer,
  type GuestProcess,
  type ProcessSpec,
  Refusal,
  type Runtime,
} from "./runtime.ts";
import { type AgentTimes, GuestTracer } from "./tracer.ts";

const SIGTERM = 15, SIGKILL = 9;
/** How long the output of processes may take that were killed for the pod's end, all together, in milliseconds. */
const LAST_PATIENCE = 2000;

/** What an {@linkcode Engine} is connected to. */
export interface EngineOptions {
  runtime: Runtime;
  /** Sends bytes on the control channel. */
  reply: (frame: Uint8Array) => void;
  /** What a trace is to tell of the time before the first command. Default: nothing. */
  times?: AgentTimes;
  /** Milliseconds that processes have to end after SIGTERM when the pod is destroyed. */
  grace?: number;
  /** Milliseconds to wait for the output and status of processes that have been killed. */
  patience?: number;
  /** Told what the host will not report. Default: the console. */
  warn?: (text: string) => void;
  /** Waits milliseconds. */
  pause?: (milliseconds: number) => Promise<void>;
}

interface Entry {
  container: GuestContainer;
  /** All its processes that have not finished. */
  processes: Set<GuestProcess>;
}

/**
 * The guest's side of the hyperstart protocol, in the Go agent's dialect (hyperstart-protocol, column A): decodes both
 * channels, carries out one command at a time and answers each with one reply, in order. Whatever the bytes are, it
 * goes on.
 */
export class Engine {
  readonly #runtime: Runtime;
  readonly #reply: (frame: Uint8Array) => void;
  readonly #tracer: GuestTracer;
  readonly #warn: (text: string) => void;
  readonly #grace: number;
  readonly #patience: number;
  readonly #pause: (milliseconds: number) => Promise<void>;
  readonly #containers = new Map<string, Entry>();
  readonly #sequences = new Map<number, GuestProcess>();
  /** What remains to be done when the command under way has been answered. */
  #afterAnswer: (() => void) | undefined;
  #podRuns = false;
  #control = new ControlDecoder();
  #stream = new StreamDecoder();

  constructor(options: EngineOptions) {
    const { runtime, reply, grace = 1000, patience = 5000 } = options;
    this.#warn = options.warn ?? note;
    this.#pause = options.pause ?? pause;
    this.#runtime = runtime;
    this.#tracer = new GuestTracer(options.times);
    this.#reply = reply;
    this.#grace = grace;
    this.#patience = patience;
  }

  /** Takes bytes of the control channel; resolves when the commands in them have been answered. */
  async receiveControl(chunk: Uint8Array): Promise<void> {
    try {
      this.#control.push(chunk);
      for (let frame; (frame = this.#control.next());) {
        await this.#answer(frame.code, frame.payload);
      }
    } catch (error) {
      // The rest of the stream cannot be told apart any more; what comes next may be a new host.
      this.#warn(`control channel: ${messageOf(error)}`);
      this.#control = new ControlDecoder();
      this.#reply(errorFrame(messageOf(error)));
    }
  }

  /**
   * Takes bytes of the stream channel. Returns a promise when a process has more input waiting than should be held: it
   * resolves when more bytes may come.
   */
  receiveStream(chunk: Uint8Array): Promise<void> | undefined {
    let full: GuestProcess | undefined;
    try {
      this.#stream.push(chunk);
      for (let frame; (frame = this.#stream.next());) {
        if (frame.sequence === GRANT_SEQUENCE) {
          this.#grant(frame.payload);
          continue;
        }
        const process = this.#sequences.get(frame.sequence);
        if (!process) continue;
        if (frame.payload.length === 0) process.endInput();
        else process.write(frame.payload);
        if (process.inputFull) full = process;
      }
    } catch (error) {
      this.#warn(`stream channel: ${messageOf(error)}`);
      this.#stream = new StreamDecoder();
    }
    return full?.inputRoom();
  }

  #grant(payload: Uint8Array): void {
    for (const { sequence, bytes } of parseGrants(payload)) {
      this.#sequences.get(sequence)?.grant(sequence, bytes);
    }
  }

  async #answer(code: number, payload: Uint8Array): Promise<void> {
    using _span = trace(codeName(code));
    try {
      const answer = await this.#carryOut(code, payload);
      this.#reply(encodeControlFrame(GoCode.ACK, answer));
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#reply(errorFrame(error.message));
    }
    const rest = this.#afterAnswer;
    this.#afterAnswer = undefined;
    try {
      rest?.();
    } catch (error) {
      this.#warn(`after ${codeName(code)}: ${messageOf(error)}`);
    }
  }

  async #carryOut(code: number, payload: Uint8Array): Promise<Uint8Array | undefined> {
    switch (code) {
      case GoCode.PING:
      case GoCode.READY:
        return;
      case GoCode.STARTPOD:
        return await this.#startPod(payload);
      case GoCode.DESTROYPOD:
        return await this.#destroyPod();
      case GoCode.NEWCONTAINER:
        return await this.#newContainer(payload);
      case GoCode.EXECCMD:
        return this.#exec(payload);
      case GoCode.KILLCONTAINER:
        return this.#kill(payload);
      case GoCode.REMOVECONTAINER:
        return await this.#remove(payload);
      case GoCode.PSCONTAINER:
        return this.#list(payload);
      case GoCode.WINSIZE:
        return this.#resize(payload);
      case SIGNAL_SEQUENCE_CODE: {
        const { seq, signal } = parseSequenceSignal(payload);
        this.#sequences.get(seq)?.signal(signal);
        return;
      }
      case GoCode.SETUPINTERFACE:
        return void await this.#runtime.setInterface(parseSetupInterface(payload));
      case GoCode.SETUPROUTE:
        return void await this.#runtime.setRoutes(parseSetupRoutes(payload).routes);
      case DELETE_ROUTE_CODE:
        return void await this.#runtime.deleteRoutes(parseSetupRoutes(payload).routes);
      case GoCode.ONLINECPUMEM:
        return void await this.#runtime.onlineResources(parseOnlineResources(payload));
      case UPDATE_CONTAINER_CODE: {
        const { container, constraints } = parseUpdateContainer(payload);
        this.#find(container, "update").container.limit(constraints);
        return;
      }
      case FREEZE_CONTAINER_CODE: {
        const { container, frozen } = parseFreezeContainer(payload);
        return void await this.#find(container, "freeze").container.freeze(frozen);
      }
      case RELEASE_CONTAINER_CODE: {
        const { container } = parseRemoveContainer(payload);
        this.#afterAnswer = await this.#find(container, "start").container.release();
        return;
      }
      case CONTAINER_COUNTERS_CODE: {
        const { container } = parseRemoveContainer(payload);
        const counters = this.#find(container, "count what is used").container.counters();
        return new TextEncoder().encode(JSON.stringify(counters));
      }
      case MOVE_CLOCK_CODE: {
        const { offset } = parseMoveClock(payload);
        return await reading(() => this.#runtime.moveClock(offset));
      }
      case TRACE_CODE:
        return encodeGuestTrace(this.#tracer.answer(parseTraceCommand(payload)));
      default:
        throw new Refusal(`No callback found for command ""`);
    }
  }

  /** Hosts that do not set the clock expect an empty answer. */
  async #startPod(payload: Uint8Array): Promise<Uint8Array | undefined> {
    if (this.#podRuns) throw new Refusal("Pod already started, impossible to start again");
    const pod = parseStartPod(payload);
    const clock = await reading(() => this.#runtime.startPod(pod));
    this.#podRuns = true;
    return pod.entropy === "" ? undefined : clock;
  }

  async #newContainer(payload: Uint8Array): Promise<Uint8Array | undefined> {
    if (!this.#podRuns) throw new Refusal("Pod not started, impossible to run a new container");
    const spec = parseNewContainer(payload);
    if (this.#containers.has(spec.id)) {
      throw new Refusal(`Container ${spec.id} already exists, impossible to create`);
    }
    this.#checkSequences(spec.process);
    const container = await this.#runtime.startContainer(spec);
    const entry: Entry = { container, processes: new Set() };
    this.#containers.set(spec.id, entry);
    this.#keep(entry, container.init, spec.process);
    const { warnings } = container;
    return warnings.length === 0
      ? undefined
      : new TextEncoder().encode(JSON.stringify({ warnings }));
  }

  #exec(payload: Uint8Array): undefined {
    const { container: id, process: spec } = parseExecCommand(payload);
    const name = spec.id === "" ? String(spec.stdio) : spec.id;
    const entry = this.#find(id, `execute process ${name}`);
    if (entry.container.init.finished) {
      throw new Refusal(`Container ${id} not running, impossible to execute process ${name}`);
    }
    this.#checkSequences(spec);
    this.#keep(entry, entry.container.exec(spec), spec);
  }

  #kill(payload: Uint8Array): undefined {
    const { container: id, signal, allProcesses } = parseKillContainer(payload);
    const { container } = this.#find(id, "signal");
    if (container.init.finished) return;
    if (allProcesses) return void container.signalAll(signal);
    // Whom it wakes, or ends, would hold the answer up: there is one processor.
    this.#afterAnswer = () => container.init.signal(signal);
  }

  #resize(payload: Uint8Array): undefined {
    const { seq, row, column } = parseWindowSize(payload);
    this.#sequences.get(seq)?.resize(row, column);
  }

  async #remove(payload: Uint8Array): Promise<undefined> {
    const { container: id } = parseRemoveContainer(payload);
    const entry = this.#find(id, "remove");
    if (entry.container.pids().length > 0) {
      throw new Refusal(`Container ${id} running, impossible to remove`);
    }
    // Output that nobody takes is given up.
    await this.#ended([entry], this.#patience);
    discard(entry);
    this.#containers.delete(id);
    await entry.container.remove();
  }

  #list(payload: Uint8Array): Uint8Array {
    const { container: id, format, psargs } = parsePsContainer(payload);
    const { container } = this.#find(id, "list processes");
    const pids = container.pids();
    if (pids.length === 0) {
      throw new Refusal(`Container ${id} is not running, impossible to list processes`);
    }
    if (format === "json") return new TextEncoder().encode(JSON.stringify(pids));
    if (format === PROCESS_FILES_FORMAT) {
      return encodeProcessFiles(this.#runtime.processFiles(pids));
    }
    if (format !== "table") throw new Refusal("invalid format option");
    return new TextEncoder().encode(this.#runtime.processTable(pids, psargs));
  }

  async #destroyPod(): Promise<undefined> {
    if (!this.#podRuns) return;
    const entries = [...this.#containers.values()];
    for (const { container } of entries) container.signalAll(SIGTERM);
    await this.#ended(entries, this.#grace);
    for (const { container } of entries) container.signalAll(SIGKILL);
    // Output may be stuck at a reader who takes nothing, which keeps that of all others: the host does not wait long.
    await this.#ended(entries, Math.min(this.#patience, LAST_PATIENCE));
    for (const [id, entry] of this.#containers) {
      discard(entry);
      this.#containers.delete(id);
      await entry.container.remove();
    }
    this.#podRuns = false;
    await this.#runtime.stopPod();
  }

  /** Waits until all processes have finished, at most `limit` milliseconds. */
  async #ended(entries: readonly Entry[], limit: number): Promise<void> {
    const waiting = entries.flatMap(({ processes }) => [...processes]);
    if (waiting.length === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    let left = waiting.length;
    for (const each of waiting) {
      each.whenFinished(() => {
        if (--left === 0) resolve();
      });
    }
    await Promise.race([promise, this.#pause(limit)]);
  }

  #find(id: string, purpose: string): Entry {
    const entry = this.#containers.get(id);
    if (!entry) throw new Refusal(`Container ${id} not found, impossible to ${purpose}`);
    return entry;
  }

  #checkSequences({ stdio, stderr, terminal }: ProcessSpec): void {
    const wanted = terminal ? [stdio] : [stdio, stderr];
    const taken = wanted.find((sequence, at) =>
      sequence !== 0 && (this.#sequences.has(sequence) || wanted.indexOf(sequence) < at)
    );
    if (taken !== undefined) throw new Refusal(`Sequence number ${taken} already registered`);
  }

  #keep(entry: Entry, process: GuestProcess, { stdio, stderr, terminal }: ProcessSpec): void {
    const sequences = (terminal ? [stdio] : [stdio, stderr]).filter((each) => each !== 0);
    entry.processes.add(process);
    for (const sequence of sequences) this.#sequences.set(sequence, process);
    process.whenFinished(() => {
      entry.processes.delete(process);
      for (const sequence of sequences) this.#sequences.delete(sequence);
    });
  }
}

/** Carries something out, and tells what the clock said before and after it. */
async function reading(act: () => void | Promise<void>): Promise<Uint8Array> {
  const asked = timeOfDay();
  await act();
  return encodeClockReading({ asked, clock: timeOfDay() });
}

function discard({ processes }: Entry): void {
  for (const process of processes) process.discard();
}
