import { messageOf } from "../failure.ts";
import { getLogger } from "../log.ts";
import { removeFile } from "../small_file.ts";
import { AttachedClient, type AttachTarget } from "./attached_client.ts";
import type { ShimResult } from "./shim.ts";

const log = getLogger("shim");

/**
 * A socket on which others join a process's streams: they get its output from then on, and what they send goes to its
 * stdin. One that does not keep up is sent away rather than waited for, unless it has said that it holds the process back.
 */
export class AttachServer implements AsyncDisposable {
  readonly #path: string;
  readonly #listener: Deno.UnixListener;
  readonly #target: AttachTarget;
  readonly #clients = new Set<AttachedClient>();
  #closed = false;

  /** @param path of the socket, for its owner alone; what a shim before left there is replaced */
  constructor(path: string, target: AttachTarget) {
    this.#path = path;
    this.#target = target;
    removeFile(path);
    const mask = Deno.umask(0o177);
    try {
      this.#listener = Deno.listen({ transport: "unix", path });
    } finally {
      Deno.umask(mask);
    }
    this.#accept();
  }

  /** Sends output to everybody who is there; resolves when those who hold the process back have room for more. */
  async output(stream: number, bytes: Uint8Array): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.output(stream, bytes)));
  }

  /**
   * Tells everybody how the process ended.
   *
   * @param timeout milliseconds that they have to take what they were sent; those who hold the process back have longer
   */
  async finish(result: ShimResult, timeout: number): Promise<void> {
    const patiently: Promise<void>[] = [], others: Promise<void>[] = [];
    for (const client of this.#clients) {
      (client.holdsBack ? patiently : others).push(client.finish(result));
    }
    const all = Promise.all(others);
    const timer = Promise.withResolvers<void>();
    const handle = setTimeout(timer.resolve, timeout);
    await Promise.race([all, timer.promise]);
    clearTimeout(handle);
    await Promise.all(patiently);
  }

  /** Stops listening and sends everybody away. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listener.close();
    removeFile(this.#path);
    const clients = [...this.#clients];
    for (const client of clients) client.close();
    await Promise.all(clients.map((client) => client.served));
  }

  async #accept(): Promise<void> {
    while (!this.#closed) {
      try {
        this.#serve(await this.#listener.accept());
      } catch (error) {
        if (this.#closed) return;
        log.error("Cannot accept who wants to attach", { error: messageOf(error) });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
  }

  #serve(connection: Deno.Conn): void {
    const client = new AttachedClient(connection, this.#target);
    this.#clients.add(client);
    client.served.then(() => this.#clients.delete(client));
  }
}
