import { type Command, type GuestContainer, HyperstartAgent } from "../../../lib/agent/mod.ts";
import type { GuestDialect } from "../../../lib/hyperstart/mod.ts";
import type { ProxyLimits } from "../../../lib/proxy/mod.ts";
import { ProxyServer } from "../../../lib/proxy/server.ts";
import { Shim, type ShimResult } from "../../../lib/shim/mod.ts";
import { RawClient } from "../proxy/raw_client.ts";
import { DialectGuest } from "./dialect_guest.ts";

/** A command with nothing special about it. */
export function command(args: string[], more: Partial<Command> = {}): Command {
  return {
    args,
    env: [],
    cwd: "/",
    user: "",
    group: "",
    additionalGroups: [],
    terminal: false,
    size: null,
    capabilities: null,
    noNewPrivileges: false,
    limits: [],
    ...more,
  };
}

/** A container with nothing special about it. */
export function container(id: string, args: string[], more: Partial<GuestContainer> = {}) {
  return {
    id,
    image: id,
    readOnlyRoot: false,
    command: command(args),
    mounts: [],
    rootDisk: null,
    disks: [],
    memoryMounts: [],
    cpu: { quota: 0, period: 0, shares: 0 },
    memory: 0,
    pids: 0,
    shmSize: 0,
    bindMountDev: false,
    ...more,
  } satisfies GuestContainer;
}

/** A pod without a network. */
export const POD = { hostname: "pod1", interfaces: [], routes: [], dns: [], dnsSearch: [] };

/** The driver, the built-in proxy, and a guest of some dialect. */
export class Scene implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync();
  readonly dialect: DialectGuest;
  readonly agent: HyperstartAgent;
  readonly url = `unix://${this.directory}/proxy.sock`;
  readonly #proxy: ProxyServer;

  constructor(dialect: Exclude<GuestDialect, "builtin">, limits: Partial<ProxyLimits> = {}) {
    this.dialect = new DialectGuest(this.directory, dialect);
    this.#proxy = new ProxyServer({
      path: `${this.directory}/proxy.sock`,
      limits,
      onePod: false,
    });
    this.agent = this.newAgent();
  }

  newAgent(): HyperstartAgent {
    const { control, streams } = this.dialect.guest;
    const agent = new HyperstartAgent({ pod: "pod1", proxy: this.url });
    agent.init({ directory: this.directory, sockets: { control, stream: streams } });
    return agent;
  }

  /** Streams of a process, its stdin given, its output collected. */
  async streams(stdin = ""): Promise<{ token: string; shim: Shim; ended: Promise<Ended> }> {
    const { url, token } = await this.agent.reserveStreams();
    const bytes = new TextEncoder().encode(stdin);
    let at = 0;
    let stdout = "";
    const sink = {
      write: (chunk: Uint8Array) => {
        stdout += new TextDecoder().decode(chunk);
        return Promise.resolve(chunk.length);
      },
    };
    const shim = new Shim({
      url,
      token,
      container: "any",
      interactive: true,
      terminal: false,
      stdin: {
        read(into) {
          const piece = bytes.subarray(at, at + into.length);
          at += piece.length;
          into.set(piece);
          return Promise.resolve(piece.length === 0 ? null : piece.length);
        },
      },
      stdout: sink,
      stderr: sink,
    });
    return { token, shim, ended: shim.run().then((result) => ({ result, stdout })) };
  }

  async raw(): Promise<RawClient> {
    return await RawClient.connect(`${this.directory}/proxy.sock`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agent.close();
    await this.#proxy.close();
    await this.dialect.guest[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** How a process ended, and what it printed. */
export interface Ended {
  result: ShimResult;
  stdout: string;
}
