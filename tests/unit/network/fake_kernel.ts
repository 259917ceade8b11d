import { SysError } from "../../../lib/sys/mod.ts";
import type { NetlinkTransport } from "../../../lib/network/mod.ts";

const EAGAIN = 11;

/** One netlink message. */
export interface FakeMessage {
  type: number;
  flags?: number;
  /** Default: that of the request. */
  sequence?: number;
  payload?: Uint8Array;
}

/** A message as the kernel would send it. */
export function encodeMessage(message: FakeMessage, sequence: number): Uint8Array {
  const { type, flags = 0, payload = new Uint8Array() } = message;
  const memory = new Uint8Array((16 + payload.length + 3) & ~3);
  const view = new DataView(memory.buffer);
  view.setUint32(0, 16 + payload.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, message.sequence ?? sequence, true);
  memory.set(payload, 16);
  return memory;
}

/** A number of four bytes. */
export function word(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer);
}

/** A kernel that answers each request with what `answer` makes of it: datagrams, or error numbers of recv. */
export class FakeKernel implements NetlinkTransport {
  closed = false;
  readonly requests: Uint8Array[] = [];
  #waiting: (Uint8Array | number)[] = [];

  constructor(
    readonly answer: (sequence: number, request: Uint8Array) => (Uint8Array | number)[],
  ) {}

  send(request: Uint8Array): void {
    this.requests.push(request);
    const sequence = new DataView(request.buffer).getUint32(8, true);
    this.#waiting.push(...this.answer(sequence, request));
  }

  receive(): Uint8Array {
    const next = this.#waiting.shift() ?? EAGAIN;
    if (typeof next === "number") throw new SysError("recv", "netlink", next);
    return next;
  }

  close(): void {
    this.closed = true;
  }
}
