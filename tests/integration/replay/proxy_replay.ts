import { assertEquals } from "@std/assert";
import { Code, readU32, writeU32 } from "../../../lib/hyperstart/mod.ts";
import { FrameType, PROXY_HEADER_LENGTH, writeAll } from "../../../lib/proxy/mod.ts";
import { ProxyServer } from "../../../lib/proxy/server.ts";
import { FrameReader } from "./frame_reader.ts";
import type { Channel, Step } from "./recording.ts";

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const TOKEN = /[A-Za-z0-9_-]{43}=/g;

/** What is known beforehand of a session. */
export interface ProxySession {
  steps: readonly Step[];
  /** The answer of the session's guest to GETVERSION, as a whole control frame. */
  version: Uint8Array;
  /** Lines at which the built-in proxy is to differ from the recording, and what it says there instead. */
  differences?: ReadonlyMap<number, { instead: string; reason: string }>;
}

/**
 * Plays a session against the built-in proxy: its clients and its guest say what they said, and what the proxy says to
 * each of them is compared byte for byte, with tokens and paths exchanged.
 *
 * What always differs, by intention: GETVERSION, by which the proxy finds out the guest's dialect, is answered and not
 * compared; of newcontainer and execcmd cc-proxy makes a new text, in which keys that it does not know are missing, so
 * that the sequences are compared, and that nothing of the client's message is lost.
 */
export async function replayProxy(session: ProxySession): Promise<void> {
  const directory = await Deno.makeTempDir();
  const path = `${directory}/proxy.sock`;
  const proxy = new ProxyServer({ path });
  // As the program does: the end of its one pod is the end of it.
  proxy.finished.then(() => proxy.close());
  try {
    await new Replay(session, directory, path).run();
  } finally {
    await proxy.close();
    await Deno.remove(directory, { recursive: true });
  }
}

class Replay {
  readonly #session: ProxySession;
  readonly #path: string;
  readonly #sockets: { ctl: string; tty: string };
  readonly #listeners: Record<"ctl" | "tty", Deno.UnixListener>;
  readonly #ends = new Map<Channel, FrameReader>();
  /** The recording's names for tokens, by the names that they have now. */
  readonly #tokens = new Map<string, string>();
  /** Frames that came before others, by client. */
  readonly #early = new Map<Channel, Uint8Array[]>();
  /** What clients last asked the guest to start. */
  #started: Record<string, unknown> = {};

  constructor(session: ProxySession, directory: string, path: string) {
    this.#session = session;
    this.#path = path;
    this.#sockets = { ctl: `${directory}/ctl.sock`, tty: `${directory}/tty.sock` };
    this.#listeners = {
      ctl: Deno.listen({ transport: "unix", path: this.#sockets.ctl }),
      tty: Deno.listen({ transport: "unix", path: this.#sockets.tty }),
    };
  }

  async run(): Promise<void> {
    try {
      for (const step of this.#session.steps) await this.#play(step);
    } finally {
      for (const each of Object.values(this.#listeners)) each.close();
      for (const { connection } of this.#ends.values()) close(connection);
    }
  }

  async #play(step: Step): Promise<void> {
    const { channel, line } = step;
    const isClient = channel.startsWith("prx");
    if (step.kind === "frame") {
      if (step.toPeer === isClient) await this.#say(channel, step.bytes);
      else await this.#expect(channel, step.bytes, line);
    } else if (step.kind === "connect") {
      this.#ends.set(channel, await this.#connect(channel));
    } else if (
      isClient && step.kind === "clientClosed" || !isClient && step.kind === "serverClosed"
    ) {
      close(this.#end(channel).connection);
    } else if (isClient) {
      assertEquals(await this.#end(channel).next(), undefined, `line ${line}: still connected`);
    }
  }

  async #connect(channel: Channel): Promise<FrameReader> {
    if (channel === "ctl" || channel === "tty") {
      return new FrameReader(await this.#listeners[channel].accept(), channel);
    }
    return new FrameReader(await Deno.connect({ transport: "unix", path: this.#path }), "prx");
  }

  #end(channel: Channel): FrameReader {
    return this.#ends.get(channel)!;
  }

  /** Sends what was recorded, with today's tokens and paths. */
  async #say(channel: Channel, bytes: Uint8Array): Promise<void> {
    const { connection } = this.#end(channel);
    const now = channel.startsWith("prx") ? this.#translate(bytes) : bytes;
    await writeAll(connection, now).catch(() => {});
    if (channel === "ctl" && readU32(bytes, 0) === Code.READY) {
      const version = await this.#end(channel).next();
      assertEquals(version && readU32(version, 0), Code.GETVERSION);
      await writeAll(connection, this.#session.version);
    }
  }

  #translate(bytes: Uint8Array): Uint8Array {
    const type = bytes[6]! & 0x0f;
    if (type !== 0) return bytes;
    const payload = decoder.decode(bytes.subarray(PROXY_HEADER_LENGTH));
    const text = payload.replace(
      /"(ctlSerial|ioSerial)":"[^"]*\/[^"]*(?<!nosuch\d)"/g,
      (_all, key) => `"${key}":"${key === "ctlSerial" ? this.#sockets.ctl : this.#sockets.tty}"`,
    )
      .replace(/"console":"[^"]+",?/, "").replace(/,}/, "}")
      .replaceAll(
        TOKEN,
        (token) => [...this.#tokens].find(([, recorded]) => recorded === token)?.[0] ?? token,
      );
    const data = text === "" ? undefined : JSON.parse(text).data;
    if (data?.process) this.#started = data;
    const frame = new Uint8Array(PROXY_HEADER_LENGTH + encoder.encode(text).length);
    frame.set(bytes.subarray(0, PROXY_HEADER_LENGTH));
    frame.set(encoder.encode(text), PROXY_HEADER_LENGTH);
    writeU32(frame, 8, frame.length - PROXY_HEADER_LENGTH);
    return frame;
  }

  async #expect(channel: Channel, recorded: Uint8Array, line: number): Promise<void> {
    const got = await this.#nextLike(channel, recorded);
    const difference = this.#session.differences?.get(line);
    if (!got) throw new Error(`line ${line}: ${channel} was closed instead`);
    if (channel.startsWith("prx")) {
      return this.#compareResponse(got, recorded, line, difference?.instead);
    }
    const code = readU32(recorded, 0);
    if (channel === "ctl" && (code === Code.NEWCONTAINER || code === Code.EXECCMD)) {
      return this.#compareStart(got, recorded, line);
    }
    assertEquals(hex(got), hex(recorded), `line ${line}: to the guest on ${channel}`);
  }

  /** The next frame; of a client's the next that is output, or the next that is not: which is first is left open. */
  async #nextLike(channel: Channel, recorded: Uint8Array): Promise<Uint8Array | undefined> {
    const end = this.#end(channel);
    if (!channel.startsWith("prx")) return await end.next();
    const isOutput = (bytes: Uint8Array) => (bytes[6]! & 0x0f) === FrameType.stream;
    const early = this.#early.get(channel) ?? [];
    this.#early.set(channel, early);
    const at = early.findIndex((bytes) => isOutput(bytes) === isOutput(recorded));
    if (at >= 0) return early.splice(at, 1)[0];
    for (;;) {
      const bytes = await end.next();
      if (!bytes || isOutput(bytes) === isOutput(recorded)) return bytes;
      early.push(bytes);
    }
  }

  #compareResponse(got: Uint8Array, recorded: Uint8Array, line: number, instead?: string): void {
    const expected = instead === undefined
      ? decoder.decode(recorded.subarray(PROXY_HEADER_LENGTH))
      : instead;
    let text = decoder.decode(got.subarray(PROXY_HEADER_LENGTH));
    const isIo = text.startsWith('{"io":');
    if (isIo) {
      const { tokens } = JSON.parse(text).io;
      const before: string[] | null = JSON.parse(expected).io.tokens;
      before?.forEach((token, at) => this.#tokens.set(tokens[at], token));
      // A key of podvisor's own, which others do not look at.
      text = text.replace(/,"dialect":"c42\d\d"/, "");
      text = text.replace(`unix://${this.#path}`, JSON.parse(expected).io.URL);
    }
    text = text.replaceAll(TOKEN, (token) => this.#tokens.get(token) ?? token);
    assertEquals(text, expected, `line ${line}: payload`);
    // Version, header length, reserved bytes, type with error flag, opcode.
    assertEquals(hex(got.subarray(0, 8)), hex(recorded.subarray(0, 8)), `line ${line}: header`);
    assertEquals(readU32(got, 8), got.length - PROXY_HEADER_LENGTH);
  }

  #compareStart(got: Uint8Array, recorded: Uint8Array, line: number): void {
    assertEquals(readU32(got, 0), readU32(recorded, 0), `line ${line}: code`);
    const message = JSON.parse(decoder.decode(got.subarray(8)));
    const original = JSON.parse(decoder.decode(recorded.subarray(8)));
    const { stdio, stderr, ...process } = message.process;
    assertEquals([stdio, stderr], [original.process.stdio, original.process.stderr]);
    const { stdio: _in, stderr: _err, ...sent } = this.#started.process as Record<string, unknown>;
    assertEquals({ ...message, process }, { ...this.#started, process: sent }, `line ${line}`);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((each) => each.toString(16).padStart(2, "0")).join(" ");
}
