import { Command, type ProxyLimits, type ShimHostMaker } from "../../../lib/proxy/mod.ts";
import { ProxyServer } from "../../../lib/proxy/server.ts";
import { FakeGuest } from "./fake_guest.ts";
import { RawClient, tokensIn } from "./raw_client.ts";

/** A proxy with a guest behind it, and clients in front. */
export class Stage implements AsyncDisposable {
  readonly directory: string;
  readonly path: string;
  readonly url: string;
  readonly guest: FakeGuest;
  readonly proxy: ProxyServer;
  readonly #clients: RawClient[] = [];

  constructor(
    limits: Partial<ProxyLimits> = {},
    ready?: string | null,
    shimHost?: ShimHostMaker,
  ) {
    this.directory = Deno.makeTempDirSync();
    this.path = `${this.directory}/proxy.sock`;
    this.url = `unix://${this.path}`;
    this.guest = new FakeGuest(this.directory, ready);
    this.proxy = new ProxyServer({ path: this.path, limits, shimHost });
  }

  /** A stage whose VM `pod` is registered. */
  static async registered(
    limits?: Partial<ProxyLimits>,
    ready?: string,
    shimHost?: ShimHostMaker,
  ): Promise<{ stage: Stage; runtime: RawClient }> {
    const stage = new Stage(limits, ready, shimHost);
    const runtime = await stage.client();
    await stage.register(runtime);
    return { stage, runtime };
  }

  async client(): Promise<RawClient> {
    const client = await RawClient.connect(this.path);
    this.#clients.push(client);
    return client;
  }

  async register(client: RawClient, numIOStreams = 0) {
    return await client.command(Command.registerVM, {
      containerId: "pod",
      ctlSerial: this.guest.control,
      ioSerial: this.guest.streams,
      numIOStreams,
    });
  }

  /** One new token. */
  async token(runtime: RawClient): Promise<string> {
    const request = { containerId: "pod", numIOStreams: 1 };
    return tokensIn(await runtime.command(Command.attachVM, request))[0]!;
  }

  /** A client that has claimed a token. */
  async shim(token: string): Promise<RawClient> {
    const shim = await this.client();
    await shim.command(Command.connectShim, { token });
    return shim;
  }

  /** A container's process that runs, its first sequence and its shim. */
  async running(runtime: RawClient, terminal = false) {
    const token = await this.token(runtime);
    const shim = await this.shim(token);
    const id = `c${this.guest.commands.length}`;
    const data = { id, process: { terminal, args: ["x"] } };
    await runtime.hyper("newcontainer", [token], data);
    const sequence: number = JSON.parse(this.guest.commands.at(-1)!.text).process.stdio;
    return { token, shim, id, sequence };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client[Symbol.dispose]();
    await this.proxy.close();
    await this.guest[Symbol.asyncDispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}
