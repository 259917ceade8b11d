import {
  ControlDecoder,
  encodeControlFrame,
  encodeGuestHello,
  encodeStreamFrame,
  FEATURE_SIGNAL_SEQUENCE,
  GoCode,
  MAX_CONTROL_FRAME,
  parseExecCommand,
  parseKillContainer,
  parseNewContainer,
  StreamDecoder,
  writeU32,
} from "../../lib/hyperstart/mod.ts";

/** Version of the guest protocol that it says it speaks. */
const PROTOCOL_VERSION = 4244;
/** Longest stream payload that it takes. */
const PIECE = 32 * 1024;

interface FakeProcess {
  stdio: number;
  stderr: number;
  args: readonly string[];
  container: string;
}

/**
 * A guest without a machine. Processes begin and end at once, and do what their first argument says: `echo WORD…`
 * writes the words, `cat` writes its input until that ends, `exit N` ends with N, `fail WORD…` writes to stderr and ends
 * with 1; anything else ends with 0.
 */
export class FakeGuest {
  readonly #processes = new Map<number, FakeProcess>();
  readonly #shutDown: () => void;
  #stream: Deno.Conn | undefined;
  #waiting: Uint8Array[] = [];

  /** @param shutDown called when the pod has been destroyed */
  constructor(shutDown: () => void) {
    this.#shutDown = shutDown;
  }

  /** Says READY, and carries out what comes until the host hangs up. */
  async serveControl(connection: Deno.Conn): Promise<void> {
    const hello = encodeGuestHello({
      agent: "podvisor",
      version: "0.1.0",
      features: [FEATURE_SIGNAL_SEQUENCE],
      maxMessage: MAX_CONTROL_FRAME,
      maxStreamPayload: PIECE,
      clock: Date.now() * 1000,
    });
    await write(connection, encodeControlFrame(GoCode.READY, hello));
    const decoder = new ControlDecoder();
    for await (const chunk of connection.readable) {
      decoder.push(chunk);
      for (let frame; (frame = decoder.next());) {
        const { reply, then } = this.#carryOut(frame.code, frame.payload);
        await write(connection, encodeControlFrame(GoCode.ACK, reply));
        await then?.();
      }
    }
  }

  /** Takes input for processes until the host hangs up. */
  async serveStream(connection: Deno.Conn): Promise<void> {
    this.#stream = connection;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const frame of waiting) await write(connection, frame);
    const decoder = new StreamDecoder();
    for await (const chunk of connection.readable) {
      decoder.push(chunk);
      for (let frame; (frame = decoder.next());) {
        const process = this.#processes.get(frame.sequence);
        if (process) await this.#takeInput(process, frame.payload);
      }
    }
    this.#stream = undefined;
  }

  #carryOut(
    code: number,
    payload: Uint8Array,
  ): { reply?: Uint8Array; then?: () => void | Promise<void> } {
    if (code === GoCode.GETVERSION) {
      const reply = new Uint8Array(4);
      writeU32(reply, 0, PROTOCOL_VERSION);
      return { reply };
    }
    if (code === GoCode.NEWCONTAINER) {
      const { id, process } = parseNewContainer(payload);
      return { then: () => this.#start({ ...process, container: id }) };
    }
    if (code === GoCode.EXECCMD) {
      const { container, process } = parseExecCommand(payload);
      return { then: () => this.#start({ ...process, container }) };
    }
    if (code === GoCode.KILLCONTAINER) {
      const { container, signal } = parseKillContainer(payload);
      return { then: () => this.#kill(container, signal) };
    }
    if (code === GoCode.DESTROYPOD) return { then: this.#shutDown };
    return {};
  }

  async #takeInput(process: FakeProcess, payload: Uint8Array): Promise<void> {
    const [verb] = process.args;
    if (verb !== "cat") return;
    if (payload.length > 0) await this.#send(process.stdio, payload);
    else await this.#end(process, 0);
  }

  async #start(process: FakeProcess): Promise<void> {
    const { stdio, stderr, args, container } = process;
    this.#processes.set(stdio, { stdio, stderr, args, container });
    const [verb, ...words] = args;
    if (verb === "cat") return;
    if (verb === "echo") await this.#sendLine(stdio, words.join(" "));
    if (verb === "fail") await this.#sendLine(stderr, words.join(" "));
    await this.#end(process, verb === "exit" ? Number(words[0]) : verb === "fail" ? 1 : 0);
  }

  async #kill(container: string, signal: number): Promise<void> {
    const all = [...this.#processes.values()].filter((each) => each.container === container);
    for (const process of all) await this.#end(process, 128 + signal);
  }

  async #sendLine(sequence: number, text: string): Promise<void> {
    await this.#send(sequence, new TextEncoder().encode(`${text}\n`));
  }

  /** The end of each output, then the exit code on the first (the Go agent's order). */
  async #end({ stdio, stderr }: FakeProcess, code: number): Promise<void> {
    this.#processes.delete(stdio);
    if (stderr !== 0) await this.#send(stderr);
    await this.#send(stdio);
    await this.#send(stdio, Uint8Array.of(code));
  }

  async #send(sequence: number, payload?: Uint8Array): Promise<void> {
    await this.#write(encodeStreamFrame(sequence, payload));
  }

  async #write(frame: Uint8Array): Promise<void> {
    if (this.#stream) await write(this.#stream, frame);
    else this.#waiting.push(frame);
  }
}

async function write(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
