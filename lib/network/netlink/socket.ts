import {
  AF_NETLINK,
  bindSocket,
  EAGAIN,
  ENOBUFS,
  EPERM,
  Fd,
  isSysError,
  MSG_PEEK,
  MSG_TRUNC,
  openSocket,
  openSocketIn,
  receiveDatagram,
  sendDatagram,
  setReceiveTimeout,
  setSocketOption,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SOCK_RAW,
  SOL_SOCKET,
  SysError,
} from "../../sys/mod.ts";
import { MalformedMessage, NetlinkError } from "./error.ts";
import {
  encodeRequest,
  type Message,
  messageAt,
  nextMessage,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HEADER,
  NLMSG_NOOP,
  NLMSG_OVERRUN,
  readAnswer,
  type Request,
} from "./message.ts";

const NETLINK_ROUTE = 0, SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10, NETLINK_EXT_ACK = 11, NETLINK_GET_STRICT_CHK = 12;
/** struct sockaddr_nl: u16 family, u16 padding, u32 port, u32 groups. Port 0 is the kernel's. */
const SOCKADDR_NL_SIZE = 12;
const EPROTO = 71, ETIMEDOUT = 110, EMSGSIZE = 90;

/** The kernel answers while it is asked; a longer silence means that there is no answer. Milliseconds. */
const TIMEOUT = 5000;
const RECEIVE_BUFFER = 4 << 20;
/** Dumps come in pieces of up to 32 KiB when the reader has room for them. */
const FIRST_MEMORY = 64 << 10;
/** More than the kernel puts in one datagram. */
const MAX_DATAGRAM = 16 << 20;
/** Bytes of one answer. A full Internet routing table has about 200 MB. */
const MAX_ANSWER = 1 << 30;
/** Memory for a call that is only to say how long the datagram is. */
const NONE = new Uint8Array();
/** How often a dump that was overtaken by changes is made again. */
const MAX_TRIES = 20;

/** Where requests go and answers come from. */
export interface NetlinkTransport {
  send(request: Uint8Array): void;
  /**
   * Waits for the next datagram of the kernel, which stays as it is until the next call.
   *
   * @throws {SysError} EAGAIN when none came in time, ENOBUFS when some were lost
   */
  receive(): Uint8Array;
  close(): void;
}

/**
 * A connection to the kernel's routing subsystem (rtnetlink(7)) in one network namespace. Calls return when they are
 * done: the kernel answers while it is asked, so that nothing is gained by waiting elsewhere.
 */
export class NetlinkSocket implements Disposable {
  #sequence = 0;
  #broken = false;

  constructor(readonly transport: NetlinkTransport) {}

  /**
   * Opens a connection.
   *
   * @param namespace to talk of; default: this process's own
   * @throws {SysError}
   */
  static open(namespace?: Fd): NetlinkSocket {
    return new NetlinkSocket(new KernelTransport(namespace));
  }

  /**
   * Makes a request and waits for the kernel's word that it is done.
   *
   * @param operation for the error: `add link "eth0"`
   * @throws {NetlinkError} when the kernel refuses, or gives no usable answer
   */
  change(operation: string, request: Request): void {
    this.#exchange(operation, { ...request, flags: (request.flags ?? 0) | NLM_F_ACK }, () => {});
  }

  /**
   * Makes a request that is answered by one message.
   *
   * @param read decodes the message, whose memory is used again afterwards
   * @throws {NetlinkError}
   */
  get<T>(operation: string, request: Request, read: (message: Message) => T): T {
    const found: T[] = [];
    const flags = (request.flags ?? 0) | NLM_F_ACK;
    this.#exchange(operation, { ...request, flags }, (message) => found.push(read(message)));
    if (found.length !== 1) {
      throw new NetlinkError(operation, answerOf(EPROTO, `${found.length} answers instead of one`));
    }
    return found[0]!;
  }

  /**
   * Asks for all objects of a kind. When they changed meanwhile it asks again.
   *
   * @param read decodes one object, whose memory is used again afterwards; undefined leaves it out
   * @throws {NetlinkError}
   */
  dump<T>(operation: string, request: Request, read: (message: Message) => T | undefined): T[] {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const found: T[] = [];
      const flags = (request.flags ?? 0) | NLM_F_DUMP;
      const complete = this.#exchange(operation, { ...request, flags }, (message) => {
        const object = read(message);
        if (object !== undefined) found.push(object);
      });
      if (complete) return found;
    }
    throw new NetlinkError(operation, answerOf(EAGAIN, "it changes faster than it can be read"));
  }

  /** Closes the connection; closing twice does nothing. */
  close(): void {
    this.#broken = true;
    this.transport.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @returns whether the answer was complete: nothing lost, nothing changed meanwhile */
  #exchange(operation: string, request: Request, take: (message: Message) => void): boolean {
    if (this.#broken) throw new TypeError(`Cannot ${operation}: the connection has been closed`);
    this.#sequence = (this.#sequence + 1) >>> 0;
    try {
      this.transport.send(encodeRequest(request, this.#sequence));
      return this.#receive(operation, ((request.flags ?? 0) & NLM_F_DUMP) === NLM_F_DUMP, take);
    } catch (error) {
      throw this.#failure(operation, error);
    }
  }

  #receive(operation: string, dump: boolean, take: (message: Message) => void): boolean {
    const deadline = performance.now() + TIMEOUT;
    let complete = true;
    let received = 0;
    for (;;) {
      const datagram = this.#next(dump, () => complete = false);
      received += NLMSG_HEADER + (datagram?.length ?? 0);
      if (received > MAX_ANSWER) throw new MalformedMessage(`more than ${MAX_ANSWER} bytes`);
      let ended = false;
      const view = viewOf(datagram);
      for (let at = 0; at < view.byteLength;) {
        const message = messageAt(view, at);
        at = nextMessage(message);
        // Left over from an earlier request.
        if (message.sequence !== this.#sequence) continue;
        if (message.flags & NLM_F_DUMP_INTR) complete = false;
        if (message.type === NLMSG_OVERRUN) complete = false;
        if (message.type === NLMSG_NOOP || message.type === NLMSG_OVERRUN) continue;
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const answer = readAnswer(message);
          if (answer.errno !== 0) throw new NetlinkError(operation, answer);
          ended = true;
        } else if (complete) take(message);
      }
      if (ended) return complete;
      if (performance.now() > deadline && datagram === undefined) {
        throw new SysError("recv", "netlink", EAGAIN);
      }
    }
  }

  /** The next datagram; nothing when some were lost: the rest of a dump still comes. */
  #next(dump: boolean, lost: () => void): Uint8Array | undefined {
    try {
      return this.transport.receive();
    } catch (error) {
      if (!dump || !isSysError(error, ENOBUFS)) throw error;
      lost();
      return undefined;
    }
  }

  /** After an answer that was not understood the connection is of no use: what comes next belongs to that answer. */
  #failure(operation: string, error: unknown): unknown {
    if (error instanceof NetlinkError) return error;
    this.close();
    if (error instanceof MalformedMessage) {
      return new NetlinkError(operation, answerOf(EPROTO, `malformed answer: ${error.message}`));
    }
    if (isSysError(error, EAGAIN)) {
      return new NetlinkError(operation, answerOf(ETIMEDOUT, "the kernel gave no answer"));
    }
    if (error instanceof SysError) return new NetlinkError(operation, answerOf(error.errno, ""));
    return error;
  }
}

/** The kernel itself. */
class KernelTransport implements NetlinkTransport {
  readonly #socket: Fd;
  readonly #sender = new Uint8Array(SOCKADDR_NL_SIZE);
  readonly #kernel = new Uint8Array(SOCKADDR_NL_SIZE);
  #memory = new Uint8Array(FIRST_MEMORY);

  constructor(namespace?: Fd) {
    new DataView(this.#kernel.buffer).setUint16(0, AF_NETLINK, true);
    this.#socket = namespace
      ? openSocketIn(namespace, AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)
      : openSocket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    try {
      this.#configure();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #configure(): void {
    bindSocket(this.#socket, this.#kernel);
    setReceiveTimeout(this.#socket, TIMEOUT);
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) {
      setSocketOption(this.#socket, SOL_NETLINK, option, 1);
    }
    try {
      setSocketOption(this.#socket, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
    } catch (error) {
      if (!isSysError(error, EPERM)) throw error;
      setSocketOption(this.#socket, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
    }
  }

  send(request: Uint8Array): void {
    const sent = sendDatagram(this.#socket, request, this.#kernel);
    if (sent < 0) throw new SysError("send", "netlink", -sent);
  }

  receive(): Uint8Array {
    for (;;) {
      const length = this.#checked(receiveDatagram(this.#socket, NONE, MSG_PEEK | MSG_TRUNC));
      if (length > MAX_DATAGRAM) throw new SysError("recv", "netlink", EMSGSIZE);
      if (length > this.#memory.length) this.#memory = new Uint8Array(length * 2);
      const taken = this.#checked(receiveDatagram(this.#socket, this.#memory, 0, this.#sender));
      const sender = new DataView(this.#sender.buffer);
      if (sender.getUint32(4, true) === 0) return this.#memory.subarray(0, taken);
    }
  }

  close(): void {
    this.#socket.close();
  }

  #checked(result: number): number {
    if (result < 0) throw new SysError("recv", "netlink", -result);
    return result;
  }
}

function viewOf(bytes: Uint8Array = NONE): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function answerOf(errno: number, text: string) {
  return { errno, text };
}
