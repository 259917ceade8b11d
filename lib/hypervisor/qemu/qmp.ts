import { getLogger } from "../../log.ts";
import { LineSplitter } from "./line_splitter.ts";

/** A command that QEMU has refused (QMP specification, "error"). */
export class QmpError extends Error {
  override readonly name = "QmpError";

  /**
   * @param command that was refused
   * @param errorClass such as `GenericError`, `CommandNotFound`, `DeviceNotFound`
   * @param description QEMU's own words
   */
  constructor(
    readonly command: string,
    readonly errorClass: string,
    readonly description: string,
  ) {
    super(`QEMU refused ${command}: ${description} (${errorClass})`);
  }
}

/** A monitor that does not answer, or not as agreed. */
export class QmpProtocolError extends Error {
  override readonly name = "QmpProtocolError";
}

/** Something that has happened in the VM (QMP specification, "event"). */
export interface QmpEvent {
  name: string;
  data: Readonly<Record<string, unknown>>;
}

/** A connection to a monitor. */
export interface MonitorConnection {
  /** Bytes read; null at the end. */
  read(memory: Uint8Array): Promise<number | null>;
  /** Bytes written. @param descriptors that go with them */
  write(bytes: Uint8Array, descriptors?: readonly number[]): Promise<number>;
  close(): void;
}

/** How to talk to a monitor. */
export interface QmpOptions {
  /** How long each answer may take, in milliseconds. Default 5000. */
  timeout?: number;
  /** Called for each event. */
  onEvent?: (event: QmpEvent) => void;
  /** Called when the connection ends, with the reason; also when it is closed here. */
  onEnd?: (reason: Error) => void;
}

/** Longest line taken from QEMU, in bytes: its longest answer, to `query-qmp-schema`, is a tenth of it. */
const LINE_LIMIT = 4 * 1024 * 1024;
const DEFAULT_TIMEOUT = 5000;

type Members = Record<string, unknown>;

interface Pending {
  command: string;
  answer: PromiseWithResolvers<unknown>;
}

const log = getLogger("qmp");

/**
 * A connection to QEMU's monitor: lines of JSON, one answer for each command, told apart by their ids
 * (docs/interop/qmp-spec.txt). QEMU serves one connection at a time: close it when done.
 */
export class QmpClient implements Disposable {
  readonly #connection: MonitorConnection;
  readonly #options: QmpOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #greeting = Promise.withResolvers<unknown>();
  #lastId = 0;
  #failure: Error | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(connection: MonitorConnection, options: QmpOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#greeting.promise.catch(() => {});
  }

  /**
   * Takes over a connection: waits for the greeting and leaves the negotiation behind.
   *
   * @throws {QmpProtocolError} when it is no monitor, or does not answer in time
   */
  static async open(
    connection: MonitorConnection,
    options: QmpOptions = {},
  ): Promise<QmpClient> {
    const client = new QmpClient(connection, options);
    client.#read();
    try {
      // Not one after the other: a restored VM's start waits for what follows.
      await Promise.all([
        client.#within(client.#greeting.promise, "greet"),
        client.execute("qmp_capabilities"),
      ]);
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  /**
   * Runs a command.
   *
   * @param descriptors that go with it; QEMU gets its own for the same files
   * @returns what QEMU returns for it
   * @throws {QmpError} when QEMU refuses it
   * @throws {QmpProtocolError} when the answer does not come in time, or the connection ends
   */
  async execute(
    command: string,
    args?: Members,
    descriptors: readonly number[] = [],
  ): Promise<unknown> {
    if (this.#failure) throw this.#failure;
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#pending.set(id, { command, answer });
    answer.promise.catch(() => {});
    const line = JSON.stringify({ execute: command, ...(args && { arguments: args }), id });
    log.debug("command", { command, id });
    this.#writing = this.#writing.then(() => this.#write(`${line}\n`, descriptors));
    try {
      return await this.#within(answer.promise, `answer ${command}`);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Ends the connection; commands under way fail. */
  close(): void {
    this.#fail(new QmpProtocolError("Cannot use the monitor: the connection has been closed"));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #write(line: string, descriptors: readonly number[]): Promise<void> {
    const bytes = new TextEncoder().encode(line);
    try {
      // The descriptors go with the first byte, once.
      let at = await this.#connection.write(bytes, descriptors);
      while (at < bytes.length) at += await this.#connection.write(bytes.subarray(at));
    } catch (cause) {
      this.#fail(
        new QmpProtocolError("Cannot write to the monitor: the connection broke", { cause }),
      );
    }
  }

  async #read(): Promise<void> {
    const splitter = new LineSplitter(LINE_LIMIT);
    const buffer = new Uint8Array(16 * 1024);
    try {
      for (let count; (count = await this.#connection.read(buffer)) !== null;) {
        for (const line of splitter.push(buffer.subarray(0, count))) this.#take(line);
      }
      this.#fail(new QmpProtocolError("Cannot read from the monitor: QEMU ended the connection"));
    } catch (error) {
      this.#fail(
        error instanceof QmpProtocolError
          ? error
          : new QmpProtocolError("Cannot read from the monitor", { cause: error }),
      );
    }
  }

  #take(line: string): void {
    if (line.trim() === "") return;
    const message = parseMembers(line);
    if ("QMP" in message) return this.#greeting.resolve(message.QMP);
    if (typeof message.event === "string") {
      const data = isMembers(message.data) ? message.data : {};
      log.debug("event", { event: message.event });
      return this.#options.onEvent?.({ name: message.event, data });
    }
    const pending = this.#pending.get(Number(message.id));
    if (isMembers(message.error)) {
      const { class: errorClass, desc } = message.error;
      // An error without an id answers a line that QEMU could not even parse.
      if (!pending) throw new QmpProtocolError(`Cannot use the monitor: ${text(desc)}`);
      pending.answer.reject(new QmpError(pending.command, text(errorClass), text(desc)));
    } else if ("return" in message) pending?.answer.resolve(message.return);
    else throw new QmpProtocolError("Cannot read from the monitor: a line is no message");
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#greeting.reject(error);
    for (const { answer } of this.#pending.values()) answer.reject(error);
    this.#connection.close();
    this.#options.onEnd?.(error);
  }

  async #within<T>(promise: Promise<T>, what: string): Promise<T> {
    const timeout = this.#options.timeout ?? DEFAULT_TIMEOUT;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new QmpProtocolError(`QEMU did not ${what} within ${timeout} ms`));
    }, timeout);
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function parseMembers(line: string): Members {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new QmpProtocolError("Cannot read from the monitor: a line is no JSON", { cause });
  }
  if (!isMembers(value)) {
    throw new QmpProtocolError("Cannot read from the monitor: a line is no object");
  }
  return value;
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 1000) : "no description";
}
