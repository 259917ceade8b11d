/** A switch that VMs reach by vhost-user: it agrees to all that is asked, and delivers nothing. */

const HEADER = 12, REPLY = 0x5;
const GET_FEATURES = 1, SET_MEM_TABLE = 5, GET_VRING_BASE = 11, GET_PROTOCOL_FEATURES = 15;
/** VIRTIO_F_VERSION_1, and VHOST_USER_F_PROTOCOL_FEATURES: without it QEMU 7.2 does not start the device. */
const FEATURES = 1n << 32n | 1n << 30n;

/** The switch at a socket (docs/interop/vhost-user.rst of QEMU). */
export class Switch implements AsyncDisposable {
  /** Resolves when a VM has handed its memory over. */
  readonly memoryShared: Promise<void>;
  readonly #listener: Deno.UnixListener;
  readonly #serving: Promise<void>;

  constructor(path: string) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.memoryShared = promise;
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#serving = this.#serve(resolve);
  }

  async #serve(onMemory: () => void): Promise<void> {
    for await (const connection of this.#listener) {
      using _connection = connection;
      for (;;) {
        const header = await read(connection, HEADER);
        if (!header) break;
        const request = header.getUint32(0, true);
        const body = await read(connection, header.getUint32(8, true));
        if (!body) break;
        if (request === SET_MEM_TABLE) onMemory();
        if (request === GET_FEATURES) await reply(connection, request, FEATURES);
        if (request === GET_PROTOCOL_FEATURES) await reply(connection, request, 0n);
        // The ring's number, and that none of its buffers has been used.
        if (request === GET_VRING_BASE) {
          await reply(connection, request, BigInt(body.getUint32(0, true)));
        }
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}

/** Descriptors that come with it are dropped. @returns nothing at the end */
async function read(connection: Deno.UnixConn, length: number): Promise<DataView | undefined> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = await connection.read(bytes.subarray(at)).catch(() => null);
    if (count === null) return undefined;
    at += count;
  }
  return new DataView(bytes.buffer);
}

async function reply(connection: Deno.UnixConn, request: number, value: bigint): Promise<void> {
  const message = new DataView(new ArrayBuffer(HEADER + 8));
  message.setUint32(0, request, true);
  message.setUint32(4, REPLY, true);
  message.setUint32(8, 8, true);
  message.setBigUint64(HEADER, value, true);
  await connection.write(new Uint8Array(message.buffer));
}
