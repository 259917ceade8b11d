import { assertEquals } from "@std/assert";
import {
  CCode,
  Code,
  encodeControlFrame,
  encodeStreamFrame,
  HOST_COMMANDS,
  parseProcessEvent,
  readU32,
  STREAM_HEADER_LENGTH,
} from "../../../lib/hyperstart/mod.ts";
import { Command, writeAll } from "../../../lib/proxy/mod.ts";
import { ProxyServer } from "../../../lib/proxy/server.ts";
import {
  RawClient,
  refusal,
  response,
  type SeenFrame,
  tokensIn,
} from "../../unit/proxy/raw_client.ts";
import { FrameReader } from "./frame_reader.ts";
import type { Step } from "./recording.ts";

const decoder = new TextDecoder();
/** The sequences of a proxy's first session; each further one has the next two. */
const FIRST_SEQUENCE = 3;
const NAMES = new Map<number, string>(
  Object.entries(HOST_COMMANDS).map(([name, code]) => [code, name]),
);

/** What a process's shim gets, or has to get. */
interface Seen {
  stdout: string;
  stderr: string;
  exits: number[];
}

interface GuestProcess {
  stdio: number;
  stderr?: number;
  id?: string;
}

interface Streams {
  token: string;
  shim: RawClient;
  expected: Seen;
  /** The guest has ended the output. */
  ended: boolean;
}

/**
 * Plays the session of a C guest that a host spoke to by itself with the built-in proxy in between: the guest says what
 * it said, clients and shims ask for what the host asked for. What reaches the guest, and what comes back, is compared.
 *
 * What differs by intention: the proxy asks for the version first; it writes sequences into messages itself, so that
 * these are compared as JSON; and after stdin it asks for an echo. Codes that it has no name for are left out.
 *
 * @param version what GETVERSION is answered with
 */
export async function replayCGuest(steps: readonly Step[], version: Uint8Array): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/proxy.sock`;
  const sockets = { ctlSerial: `${directory}/ctl.sock`, ioSerial: `${directory}/tty.sock` };
  const listeners = Object.values(sockets).map((path) => Deno.listen({ transport: "unix", path }));
  const proxy = new ProxyServer({ path });
  try {
    const runtime = await RawClient.connect(path);
    const bases = sequencesIn(steps);
    const numIOStreams = (Math.max(...bases) - FIRST_SEQUENCE) / 2 + 1;
    const request = { containerId: "p", ...sockets, numIOStreams };
    const registered = runtime.command(Command.registerVM, request);
    const [control, streams] = await Promise.all(listeners.map((each) => each.accept()));
    const ctl = new FrameReader(control!, "ctl"), tty = new FrameReader(streams!, "tty");
    await writeAll(control!, encodeControlFrame(Code.READY, new Uint8Array()));
    assertEquals(await ctl.next(), encodeControlFrame(Code.GETVERSION, new Uint8Array()));
    await writeAll(control!, encodeControlFrame(Code.ACK, version));
    const tokens = tokensIn(await registered);
    const shims = new Map<number, Streams>();
    for (const base of bases) {
      const token = tokens[(base - FIRST_SEQUENCE) / 2]!;
      const shim = await RawClient.connect(path);
      assertEquals(await shim.command(Command.connectShim, { token }), response(4));
      const expected = { stdout: "", stderr: "", exits: [] };
      shims.set(base, { token, shim, expected, ended: false });
    }
    await new Replay(runtime, shims, ctl, tty).run(steps);
    runtime[Symbol.dispose]();
  } finally {
    await proxy.close();
    for (const each of listeners) each.close();
    await Deno.remove(directory, { recursive: true });
  }
}

/** The stdio sequences that the host gave to processes. */
function sequencesIn(steps: readonly Step[]): number[] {
  const found = steps.flatMap((step) => {
    if (step.kind !== "frame" || !step.toPeer || step.channel !== "ctl") return [];
    const process = processIn(messageOf(step.bytes));
    return process ? [process.stdio] : [];
  });
  return [...new Set(found)];
}

class Replay {
  readonly #runtime: RawClient;
  readonly #shims: ReadonlyMap<number, Streams>;
  readonly #ctl: FrameReader;
  readonly #tty: FrameReader;
  /** The stdio sequences of processes, by container and name. */
  readonly #started = new Map<string, number>();
  /** The answer that the client waits for. */
  #answer: Promise<SeenFrame | undefined> | undefined;
  #asked: Record<string, unknown> = {};

  constructor(
    runtime: RawClient,
    shims: ReadonlyMap<number, Streams>,
    ctl: FrameReader,
    tty: FrameReader,
  ) {
    this.#runtime = runtime;
    this.#shims = shims;
    this.#ctl = ctl;
    this.#tty = tty;
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.kind !== "frame") continue;
      const { channel, toPeer, bytes, line } = step;
      if (channel === "ctl") await (toPeer ? this.#ask(bytes, line) : this.#reply(bytes, line));
      else if (toPeer) await this.#type(bytes, line);
      else await this.#print(bytes);
    }
    for (const { connection } of [this.#ctl, this.#tty]) connection.close();
    for (const [base, { shim, expected }] of this.#shims) {
      assertEquals(await collect(shim), expected, `process with sequence ${base}`);
    }
  }

  /** A client asks for what the host asked for. */
  async #ask(bytes: Uint8Array, line: number): Promise<void> {
    const name = NAMES.get(readU32(bytes, 0));
    if (name === undefined) return;
    this.#asked = messageOf(bytes);
    const process = processIn(this.#asked);
    if (!process) {
      const data = bytes.length === 8 ? undefined : this.#asked;
      this.#answer = this.#runtime.hyper(name, null, data);
      assertEquals(await this.#ctl.next(), bytes, `line ${line}: to the guest`);
      return;
    }
    const { stdio, stderr: _, ...others } = process;
    const { token } = this.#shims.get(stdio)!;
    this.#answer = this.#runtime.hyper(name, [token], { ...this.#asked, process: others });
    const got = (await this.#ctl.next())!;
    assertEquals(readU32(got, 0), readU32(bytes, 0), `line ${line}: code`);
    assertEquals(messageOf(got), this.#asked, `line ${line}: to the guest`);
  }

  /** The guest says what it said. */
  async #reply(bytes: Uint8Array, line: number): Promise<void> {
    const code = readU32(bytes, 0);
    if (code === Code.READY) return;
    await writeAll(this.#ctl.connection, bytes);
    if (code === CCode.PROCESSASYNCEVENT) this.#expectExit(bytes.subarray(8));
    if (code !== Code.ACK && code !== Code.ERROR || !this.#answer) return;
    const text = decoder.decode(bytes.subarray(8));
    const failed = `ERROR received from VM agent, control msg received : ${
      text.replace(/\0+$/, "")
    }`;
    const expected = code === Code.ACK ? response(3, text) : refusal(3, failed);
    assertEquals(await this.#answer, expected, `line ${line}: answer`);
    this.#answer = undefined;
    const process = processIn(this.#asked);
    if (!process || code === Code.ERROR) return;
    this.#started.set(`${this.#asked.container ?? this.#asked.id}/${process.id}`, process.stdio);
  }

  /** A shim sends the stdin that the host sent; what the host sent to nobody has no shim. */
  async #type(bytes: Uint8Array, line: number): Promise<void> {
    const streams = this.#shims.get(readU32(bytes, 4));
    if (!streams) return;
    const text = decoder.decode(bytes.subarray(STREAM_HEADER_LENGTH));
    await streams.shim.stdin(text);
    assertEquals(await this.#tty.next(), bytes, `line ${line}: stdin to the guest`);
    if (text === "") return;
    const echo = (await this.#tty.next())!;
    await writeAll(this.#tty.connection, encodeStreamFrame(readU32(echo, 4)));
  }

  /** The guest sends the output that it sent. */
  async #print(bytes: Uint8Array): Promise<void> {
    await writeAll(this.#tty.connection, bytes);
    const sequence = readU32(bytes, 4);
    const payload = bytes.subarray(STREAM_HEADER_LENGTH);
    const streams = this.#shims.get(sequence);
    if (!streams) {
      const other = this.#shims.get(sequence - 1);
      if (other) other.expected.stderr += decoder.decode(payload);
    } else if (payload.length === 0) streams.ended = true;
    else if (streams.ended && payload.length === 1) streams.expected.exits.push(payload[0]!);
    else streams.expected.stdout += decoder.decode(payload);
  }

  #expectExit(payload: Uint8Array): void {
    const { container, process, status } = parseProcessEvent(payload);
    const stdio = this.#started.get(`${container}/${process}`);
    if (stdio !== undefined) this.#shims.get(stdio)!.expected.exits.push(status);
  }
}

function messageOf(frame: Uint8Array): Record<string, unknown> {
  return frame.length === 8 ? {} : JSON.parse(decoder.decode(frame.subarray(8)));
}

/** What a message is to start. */
function processIn({ process }: Record<string, unknown>): GuestProcess | undefined {
  return typeof process === "object" ? process as GuestProcess : undefined;
}

/** All that a shim gets until its connection is closed. */
async function collect(shim: RawClient): Promise<Seen> {
  using _ = shim;
  const seen: Seen = { stdout: "", stderr: "", exits: [] };
  for (let frame; (frame = await shim.frame());) {
    if (frame.kind === "stream 1") seen.stdout += frame.text;
    else if (frame.kind === "stream 2") seen.stderr += frame.text;
    else seen.exits.push(frame.text.charCodeAt(0));
  }
  return seen;
}
