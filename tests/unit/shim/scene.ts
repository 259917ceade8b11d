import type { HostingProxy, ProxyLimits } from "../../../lib/proxy/mod.ts";
import { DetachedHost } from "../../../lib/shim/detached_host.ts";
import { Shim, type ShimOptions, type ShimResult } from "../../../lib/shim/mod.ts";
import type { RawClient } from "../proxy/raw_client.ts";
import { Stage } from "../proxy/stage.ts";

const decoder = new TextDecoder();

/** Keeps what is written to it; it can be slow, and it can break. */
export class Sink {
  readonly pieces: Uint8Array[] = [];
  /** Called before each write. */
  before: () => void | Promise<void> = () => {};

  async write(bytes: Uint8Array): Promise<number> {
    await this.before();
    // Fewer than offered, as pipes do.
    const part = bytes.slice(0, 5000);
    this.pieces.push(part);
    return part.length;
  }

  get bytes(): Uint8Array {
    return joined(this.pieces);
  }

  get text(): string {
    return decoder.decode(this.bytes);
  }
}

/** Hands out bytes, and then its end. */
export function source(bytes: Uint8Array | string) {
  let rest = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return {
    read(into: Uint8Array): Promise<number | null> {
      if (rest.length === 0) return Promise.resolve(null);
      const part = rest.subarray(0, into.length);
      into.set(part);
      rest = rest.subarray(part.length);
      return Promise.resolve(part.length);
    },
  };
}

/** A shim under way, and the process that it serves. */
export interface Served {
  shim: Shim;
  result: Promise<ShimResult>;
  stdout: Sink;
  stderr: Sink;
  /** Sequence of stdin and stdout; stderr has the next. */
  sequence: number;
}

/** A proxy and a guest, with shims in front. */
export class Scene implements AsyncDisposable {
  private constructor(readonly stage: Stage, readonly runtime: RawClient) {}

  static async set(limits?: Partial<ProxyLimits>): Promise<Scene> {
    const shimHost = (proxy: HostingProxy) => Promise.resolve(new DetachedHost(proxy));
    const { stage, runtime } = await Stage.registered(limits, undefined, shimHost);
    return new Scene(stage, runtime);
  }

  /** Starts a process whose shim claims, or has claimed, this token. @returns the sequence of its stdin and stdout */
  async startProcess(token: string): Promise<number> {
    const { guest } = this.stage;
    const data = { id: `c${guest.commands.length}`, process: { terminal: false, args: ["x"] } };
    await this.runtime.hyper("newcontainer", [token], data);
    return JSON.parse(guest.commands.at(-1)!.text).process.stdio;
  }

  /** Starts a process with a shim. */
  async serve(options: Partial<ShimOptions> = {}): Promise<Served> {
    const token = await this.stage.token(this.runtime);
    const stdout = new Sink(), stderr = new Sink();
    const shim = new Shim({
      url: this.stage.url,
      token,
      container: "c",
      interactive: false,
      terminal: false,
      stdout,
      stderr,
      ...options,
    });
    const result = shim.run();
    return { shim, result, stdout, stderr, sequence: await this.startProcess(token) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stage[Symbol.asyncDispose]();
  }
}

/** One array of many. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Bytes of every value, in an order that shows when something is moved. */
export function sample(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) & 0xff);
}

/** Waits until something holds. */
export async function until(test: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 30_000;
  while (!await test()) {
    if (Date.now() > end) throw new Error(`Waited in vain: ${test}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
