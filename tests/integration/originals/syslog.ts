/** Where Go's log/syslog looks for the host's log. */
const PLACES = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/** A host's log, which cc-proxy ends without: where there is none, one that drops what it gets. */
export class Syslog implements Disposable {
  readonly #listener: Deno.UnixListener | undefined;

  constructor() {
    if (PLACES.some(isSocket)) return;
    this.#listener = Deno.listen({ transport: "unix", path: PLACES[1]! });
    this.#accept(this.#listener);
  }

  [Symbol.dispose](): void {
    if (!this.#listener) return;
    this.#listener.close();
    Deno.removeSync(PLACES[1]!);
  }

  async #accept(listener: Deno.UnixListener): Promise<void> {
    for await (const connection of listener) {
      connection.readable.pipeTo(new WritableStream()).catch(() => {});
    }
  }
}

function isSocket(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket ?? false;
  } catch {
    return false;
  }
}
