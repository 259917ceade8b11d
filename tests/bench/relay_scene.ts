import { join } from "@std/path";
import { ProxyClient } from "../../lib/proxy/mod.ts";
import { hostShim } from "../../lib/shim/mod.ts";
import { lastingEnvironment, makeLifePipe, openLifePipe, waitForEnd } from "../../lib/sys/mod.ts";
import { RelayGuest } from "./relay_guest.ts";

/** A proxy and a shim that can be started as programs. */
export interface RelayPrograms {
  name: string;
  proxy: readonly string[];
  shim: readonly string[];
  /** The proxy serves shims itself. */
  hostsShims?: boolean;
}

/** A proxy process with a guest behind it, and shim processes in front. */
export class RelayScene implements AsyncDisposable {
  readonly #shims: Deno.ChildProcess[] = [];

  private constructor(
    readonly guest: RelayGuest,
    readonly client: ProxyClient,
    readonly proxy: Deno.ChildProcess,
    readonly programs: RelayPrograms,
    readonly directory: string,
    readonly url: string,
  ) {}

  /** @param maxPayload longest stream payload that the guest says it takes */
  static async set(programs: RelayPrograms, maxPayload = 65_524): Promise<RelayScene> {
    const directory = await Deno.makeTempDir({ dir: "/tmp" });
    const url = `unix://${join(directory, "proxy.sock")}`;
    const guest = new RelayGuest(directory, maxPayload);
    const proxy = start(programs.proxy, ["-uri", url], "null");
    const client = await ProxyClient.connect(url);
    const vm = { containerId: "p", ctlSerial: guest.control, ioSerial: guest.stream };
    await client.registerVM(vm);
    return new RelayScene(guest, client, proxy, programs, directory, url);
  }

  /**
   * Starts a shim and its process.
   *
   * @param stdin a file; without one it is open and empty
   */
  async start(stdin?: string): Promise<{ shim: Deno.ChildProcess; sequence: number }> {
    const token = await this.#token();
    const args = ["-c", "c", "-t", token, "-u", this.url];
    const { shim } = this.programs;
    const child = stdin === undefined
      ? start(shim, args, "piped")
      : start(["sh", "-c", 'f=$0; exec "$@" <"$f"', stdin, ...shim], args, "null");
    this.#shims.push(child);
    return { shim: child, sequence: await this.#startProcess(token) };
  }

  /**
   * Has the proxy serve a container in the background, and starts its process.
   *
   * @returns its sequence, and what waits for its end
   */
  async host(): Promise<{ sequence: number; ended: () => Promise<void> }> {
    const container = crypto.randomUUID();
    const place = join(this.directory, container.slice(0, 8));
    await Deno.mkdir(place);
    const [life, log, exit, attach] = ["life", "log", "exit.json", "attach.sock"]
      .map((name) => join(place, name)) as [string, string, string, string];
    makeLifePipe(life);
    const token = await this.#token();
    const files = { life, log, exit, attach };
    const request = { container, pod: "p", interactive: false, url: this.url, token, ...files };
    const shim = await hostShim(request);
    await shim.keep();
    const ended = async () => {
      using pipe = openLifePipe(life);
      if (pipe) await waitForEnd(pipe);
    };
    return { sequence: await this.#startProcess(token), ended };
  }

  async #token(): Promise<string> {
    return (await this.client.attachVM({ containerId: "p", numIOStreams: 1 })).tokens[0]!;
  }

  async #startProcess(token: string): Promise<number> {
    const message = { id: crypto.randomUUID(), process: { terminal: false, args: ["x"] } };
    await this.client.hyper("newcontainer", [token], message);
    return this.guest.sequences.at(-1)!;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#shims, this.proxy]) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It has ended.
      }
      await child.status;
    }
    this.client.close();
    this.guest[Symbol.dispose]();
    await Deno.remove(this.directory, { recursive: true });
  }
}

function start(
  command: readonly string[],
  args: readonly string[],
  stdin: "piped" | "null",
): Deno.ChildProcess {
  return new Deno.Command(command[0]!, {
    args: [...command.slice(1), ...args],
    env: lastingEnvironment(),
    stdin,
    stdout: "null",
    // cc-proxy complains of each shim that goes.
    stderr: "null",
  }).spawn();
}
