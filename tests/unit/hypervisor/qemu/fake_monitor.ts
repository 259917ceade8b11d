/** The other end of a monitor connection, for tests: sends what it is told, and keeps what it receives. */
export class FakeMonitor implements Disposable {
  readonly connection: Deno.Conn;
  readonly #peer: Deno.Conn;
  readonly #reader: AsyncGenerator<string>;

  private constructor(connection: Deno.Conn, peer: Deno.Conn) {
    this.connection = connection;
    this.#peer = peer;
    this.#reader = lines(peer);
  }

  static async start(): Promise<FakeMonitor> {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const [connection, peer] = await Promise.all([Deno.connect({ port }), listener.accept()]);
    return new FakeMonitor(connection, peer);
  }

  /** Sends text as it is. */
  async send(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at < bytes.length;) at += await this.#peer.write(bytes.subarray(at));
  }

  /** The next command that was sent here. */
  async receive(): Promise<{ execute: string; id: number; arguments?: unknown }> {
    return JSON.parse((await this.#reader.next()).value!);
  }

  /** Greets, and answers the negotiation. */
  async negotiate(): Promise<void> {
    await this.send('{"QMP": {"version": {}, "capabilities": []}}\r\n');
    const { id } = await this.receive();
    await this.send(`{"return": {}, "id": ${id}}\r\n`);
  }

  hangUp(): void {
    this.#peer.close();
  }

  [Symbol.dispose](): void {
    try {
      this.#peer.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}

async function* lines(connection: Deno.Conn): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let text = "";
  for (let count; (count = await connection.read(buffer)) !== null;) {
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
    for (let end; (end = text.indexOf("\n")) >= 0; text = text.slice(end + 1)) {
      yield text.slice(0, end);
    }
  }
}
