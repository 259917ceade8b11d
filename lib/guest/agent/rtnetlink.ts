import {
  AF_NETLINK,
  ERRNO,
  type Fd,
  openSocket,
  receiveDatagram,
  sendDatagram,
  SOCK_RAW,
} from "../../sys/mod.ts";

/** Types of messages (linux/rtnetlink.h). */
export const RTM_SETLINK = 19;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;

/** netlink(7): NLM_F_REQUEST, NLM_F_ACK; NLM_F_REPLACE and NLM_F_CREATE. */
const NLM_F_REQUEST = 1, NLM_F_ACK = 4, MAKE = 0x100 | 0x400;
/** struct nlmsghdr: u32 length, u16 type, u16 flags, u32 sequence, u32 port. */
const HEADER = 16;
/** struct nlattr, struct rtattr: u16 length, u16 type. */
const ATTRIBUTE_HEADER = 4;
const REPLY_SIZE = 4096;
const FIRST_SIZE = 1024;
/** Messages that are sent at once: the answers to all of them fit in the socket's buffer. */
const AT_ONCE = 64;

/** Stays open: a restored machine does not have to make it in the start of its pod. */
let connection: Fd | undefined;

/**
 * Changes that the kernel is asked to make of the network, in this machine's byte order. It is written down byte by byte:
 * what a restored machine runs for the first time takes long there, and more of V8's and its own parts would be that.
 */
export class NetworkChanges {
  #bytes = new Uint8Array(FIRST_SIZE);
  #end = 0;
  /** Where the last message begins. */
  #message = 0;
  /** What is being done, for errors, by sequence number. */
  readonly #what: string[] = [];

  /** What was written down: whole messages, one after the other. */
  get bytes(): Uint8Array {
    this.#finish();
    return this.#bytes.subarray(0, this.#end);
  }

  /**
   * Begins a change: the structure of its type is to follow, then attributes.
   *
   * @param what is being done, for the error
   * @param type RTM_…
   */
  begin(what: string, type: number): this {
    if (this.#what.length === AT_ONCE) this.make();
    this.#finish();
    this.#message = this.#end;
    const make = type === RTM_NEWADDR || type === RTM_NEWROUTE ? MAKE : 0;
    this.u32(HEADER).u16(type).u16(NLM_F_REQUEST | make).u32(this.#what.length).u32(0);
    this.#what.push(what);
    return this;
  }

  u8(value: number): this {
    if (this.#end === this.#bytes.length) this.#grow();
    this.#bytes[this.#end++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value & 0xff).u8(value >>> 8);
  }

  u32(value: number): this {
    return this.u16(value & 0xffff).u16(value >>> 16);
  }

  /** Adds an attribute. */
  attribute(type: number, value: Uint8Array): this {
    this.u16(ATTRIBUTE_HEADER + value.length).u16(type);
    for (let at = 0; at < value.length; at++) this.u8(value[at]!);
    while (this.#end & 3) this.u8(0);
    return this;
  }

  /** Adds an attribute that is a number. */
  number(type: number, value: number): this {
    return this.u16(ATTRIBUTE_HEADER + 4).u16(type).u32(value);
  }

  /**
   * Adds an attribute that is made of others, or of structures with others.
   *
   * @param inside adds what is in it
   */
  nest(type: number, inside: () => void): this {
    const start = this.#end;
    this.u16(0).u16(type);
    inside();
    return this.setU16(start, this.#end - start);
  }

  /** Where the next byte comes. */
  get end(): number {
    return this.#end;
  }

  /** Changes a number that was written down before. */
  setU16(at: number, value: number): this {
    this.#bytes[at] = value & 0xff;
    this.#bytes[at + 1] = value >>> 8;
    return this;
  }

  /**
   * Has the kernel make them, and waits until it has. They go in one datagram, and only the last one is acknowledged:
   * each call more is time that a pod's start takes longer.
   *
   * @throws {Error} naming the first that the kernel refuses; it has tried those after it all the same
   */
  make(): void {
    const last = this.#what.length - 1;
    if (last < 0) return;
    this.#bytes[this.#message + 6]! |= NLM_F_ACK;
    try {
      ask(this.bytes, this.#what);
    } finally {
      this.#end = this.#message = 0;
      this.#what.length = 0;
    }
  }

  #grow(): void {
    const bytes = new Uint8Array(this.#bytes.length * 2);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }

  /** Writes down how long the last message has become. */
  #finish(): void {
    if (this.#end > this.#message) this.setU16(this.#message, this.#end - this.#message);
  }
}

function ask(messages: Uint8Array, what: readonly string[]): void {
  const last = what.length - 1;
  connection ??= openSocket(AF_NETLINK, SOCK_RAW);
  const sent = sendDatagram(connection, messages);
  if (sent < 0) throw refusal(what[0]!, sent);
  const reply = new Uint8Array(REPLY_SIZE);
  const view = new DataView(reply.buffer);
  let failure: Error | undefined;
  for (let answered = -1; answered < last;) {
    const received = receiveDatagram(connection, reply);
    if (received < 0) {
      // What comes late must not be taken for another answer.
      connection.close();
      connection = undefined;
      throw failure ?? refusal(what[last]!, received);
    }
    // nlmsghdr, with the sequence number, then nlmsgerr: 0, or the error number made negative.
    answered = view.getUint32(8, true);
    const error = view.getInt32(HEADER, true);
    if (error < 0) failure ??= refusal(what[answered] ?? "network", error);
  }
  if (failure) throw failure;
}

function refusal(what: string, error: number): Error {
  return new Error(`${what}: ${ERRNO[-error]?.[1] ?? `errno ${-error}`}`);
}
