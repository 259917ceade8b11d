import {
  Command,
  encodeJsonFrame,
  encodeProxyFrame,
  FrameType,
  ProxyDecoder,
  type ProxyFrame,
  Stream,
  writeAll,
} from "../../../lib/proxy/mod.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** A frame in a form that is easy to compare: `response 3 error`, `stream 1`, … and its payload as text. */
export interface SeenFrame {
  kind: string;
  text: string;
}

const TYPES = ["command", "response", "stream", "notification"];

/** A client of a proxy that sends what it is told, right or wrong. */
export class RawClient implements Disposable {
  readonly connection: Deno.Conn;
  readonly #decoder = new ProxyDecoder();
  readonly #buffer = new Uint8Array(65536);
  #closed = false;

  constructor(connection: Deno.Conn) {
    this.connection = connection;
  }

  static async connect(path: string): Promise<RawClient> {
    return new RawClient(await Deno.connect({ transport: "unix", path }));
  }

  async write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.connection, bytes);
  }

  /** Sends a command and returns the next frame. */
  async command(opcode: number, payload: unknown): Promise<SeenFrame | undefined> {
    await this.write(encodeJsonFrame(FrameType.command, opcode, payload));
    return await this.frame();
  }

  /** Sends a command whose payload is this text. */
  async rawCommand(opcode: number, text: string): Promise<SeenFrame | undefined> {
    await this.write(encodeProxyFrame(FrameType.command, opcode, encoder.encode(text)));
    return await this.frame();
  }

  async hyper(
    hyperName: string,
    tokens: string[] | null = null,
    data?: unknown,
  ): Promise<SeenFrame | undefined> {
    return await this.command(Command.hyper, { hyperName, tokens, data });
  }

  async stdin(text: string): Promise<void> {
    await this.write(encodeProxyFrame(FrameType.stream, Stream.stdin, encoder.encode(text)));
  }

  /** The next frame; undefined when the proxy has closed the connection. */
  async frame(): Promise<SeenFrame | undefined> {
    for (;;) {
      const frame = this.#decoder.next();
      if (frame) return seen(frame);
      const count = await this.connection.read(this.#buffer).catch(() => null);
      if (count === null) return undefined;
      this.#decoder.push(this.#buffer.slice(0, count));
    }
  }

  /** Closes the connection; may be done more than once. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.connection.close();
  }
}

function seen({ type, opcode, error, payload }: ProxyFrame): SeenFrame {
  return {
    kind: `${TYPES[type]} ${opcode}${error ? " error" : ""}`,
    text: decoder.decode(payload),
  };
}

/** An error response. */
export function refusal(opcode: number, msg: string): SeenFrame {
  return { kind: `response ${opcode} error`, text: JSON.stringify({ msg }) };
}

/** A response without an error. */
export function response(opcode: number, text = ""): SeenFrame {
  return { kind: `response ${opcode}`, text };
}

/** The tokens in a response to RegisterVM or AttachVM. */
export function tokensIn(frame: SeenFrame | undefined): string[] {
  return JSON.parse(frame!.text).io.tokens ?? [];
}
