import {
  ControlDecoder,
  type ControlFrame,
  encodeControlFrame,
  encodeStreamFrame,
  GoCode,
  StreamDecoder,
  writeU32,
} from "../../../lib/hyperstart/mod.ts";
import { writeAll } from "../../../lib/proxy/mod.ts";

/** A command that the guest has got. */
export interface GuestCommand {
  code: number;
  text: string;
}

/** What the guest does with a command: the frames to answer with. */
export type GuestScript = (command: GuestCommand, guest: FakeGuest) => ControlFrame[] | undefined;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A reply with a text. */
export function reply(code: number, text = ""): ControlFrame {
  return { code, payload: encoder.encode(text) };
}

function versionReply(version: number | undefined): ControlFrame {
  if (version === undefined) return reply(GoCode.ERROR, 'No callback found for command ""');
  const payload = new Uint8Array(4);
  writeU32(payload, 0, version);
  return { code: GoCode.ACK, payload };
}

/** A guest whose two channels are Unix sockets, as QEMU offers them; it answers as its script says, ACK by default. */
export class FakeGuest implements AsyncDisposable {
  readonly control: string;
  readonly streams: string;
  readonly commands: GuestCommand[] = [];
  /** Stdin by sequence; an end of file shows as "<EOF>". */
  readonly stdin = new Map<number, string>();
  script: GuestScript = () => undefined;
  /** What it does with each frame of stdin. */
  onStdin: (sequence: number, payload: Uint8Array) => Promise<void> = async () => {};
  /** API version of a C guest; undefined: it answers GETVERSION as the Go agent does. Neither is in `commands`. */
  version: number | undefined;
  readonly #listeners: Deno.UnixListener[];
  readonly #ready: Uint8Array | undefined;
  readonly #running: Promise<void>[] = [];
  readonly #control = Promise.withResolvers<Deno.UnixConn>();
  readonly #streams = Promise.withResolvers<Deno.UnixConn>();
  #gone = false;
  #changed = Promise.withResolvers<void>();

  /** @param ready payload of READY; null: the guest never says READY */
  constructor(directory: string, ready: string | null = "") {
    this.control = `${directory}/ctl.sock`;
    this.streams = `${directory}/tty.sock`;
    this.#ready = ready === null ? undefined : encoder.encode(ready);
    this.#listeners = [this.control, this.streams].map((path) =>
      Deno.listen({ transport: "unix", path })
    );
    this.#running.push(this.#serveControl(), this.#serveStreams());
  }

  /** Waits until `test` holds; it is tried after each thing that arrives. */
  async until(test: () => boolean): Promise<void> {
    while (!test()) await this.#changed.promise;
  }

  /** Sends control frames that nobody asked for. */
  async send(...frames: ControlFrame[]): Promise<void> {
    await this.sendRaw(...frames.map(({ code, payload }) => encodeControlFrame(code, payload)));
  }

  /** Sends bytes on the control channel. */
  async sendRaw(...parts: Uint8Array[]): Promise<void> {
    const connection = await this.#control.promise;
    for (const part of parts) await writeAll(connection, part);
  }

  /** Sends output: an empty text is the end of it. */
  async output(sequence: number, data: string | Uint8Array): Promise<void> {
    const payload = typeof data === "string" ? encoder.encode(data) : data;
    await this.outputRaw(encodeStreamFrame(sequence, payload));
  }

  /** Sends bytes on the stream channel; once that is closed on either side they are lost. */
  async outputRaw(bytes: Uint8Array): Promise<void> {
    try {
      await writeAll(await this.#streams.promise, bytes);
    } catch (error) {
      if (!this.#gone && !(error instanceof Deno.errors.BrokenPipe)) throw error;
    }
  }

  /** Tells the end of the process with this stdio sequence. */
  async exit(sequence: number, code: number): Promise<void> {
    await this.output(sequence, "");
    await this.output(sequence, Uint8Array.of(code));
  }

  async closeControl(): Promise<void> {
    (await this.#control.promise).close();
  }

  async closeStreams(): Promise<void> {
    this.#gone = true;
    (await this.#streams.promise).close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gone = true;
    for (const listener of this.#listeners) listener.close();
    this.#control.reject(new Error("closed"));
    this.#streams.reject(new Error("closed"));
    for (const connection of [this.#control.promise, this.#streams.promise]) {
      await connection.then((each) => each.close()).catch(() => {});
    }
    await Promise.all(this.#running);
  }

  async #serveControl(): Promise<void> {
    await this.#serve(0, this.#control, async (connection) => {
      if (this.#ready) {
        await writeAll(connection, encodeControlFrame(GoCode.READY, this.#ready));
      }
      const frames = new ControlDecoder();
      return async (chunk) => {
        frames.push(chunk);
        for (let frame = frames.next(); frame; frame = frames.next()) {
          if (frame.code === GoCode.GETVERSION) {
            await this.send(versionReply(this.version));
            continue;
          }
          const command = { code: frame.code, text: decoder.decode(frame.payload) };
          this.commands.push(command);
          this.#change();
          await this.send(...this.script(command, this) ?? [reply(GoCode.ACK)]);
        }
      };
    });
  }

  async #serveStreams(): Promise<void> {
    await this.#serve(1, this.#streams, () => {
      const frames = new StreamDecoder();
      return async (chunk) => {
        frames.push(chunk);
        for (let frame = frames.next(); frame; frame = frames.next()) {
          const text = frame.payload.length === 0 ? "<EOF>" : decoder.decode(frame.payload);
          this.stdin.set(frame.sequence, (this.stdin.get(frame.sequence) ?? "") + text);
          await this.onStdin(frame.sequence, frame.payload);
        }
        this.#change();
      };
    });
  }

  async #serve(
    listener: number,
    accepted: PromiseWithResolvers<Deno.UnixConn>,
    start: (
      connection: Deno.UnixConn,
    ) =>
      | Promise<(chunk: Uint8Array) => void | Promise<void>>
      | ((chunk: Uint8Array) => void | Promise<void>),
  ): Promise<void> {
    try {
      const connection = await this.#listeners[listener]!.accept() as Deno.UnixConn;
      accepted.resolve(connection);
      const take = await start(connection);
      const buffer = new Uint8Array(65536);
      for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
        await take(buffer.slice(0, n));
      }
    } catch {
      // Closed by the test.
    }
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
