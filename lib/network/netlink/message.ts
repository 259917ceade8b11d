/** Netlink messages (linux/netlink.h): u32 length with header, u16 type, u16 flags, u32 sequence, u32 port; payload. */
import { align, type Attribute, Attributes, encodeAttributes } from "./attributes.ts";
import { type KernelAnswer, MalformedMessage } from "./error.ts";

export const NLMSG_HEADER = 16;

/** Types of control messages. */
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;

/** Flags of a request. */
export const NLM_F_REQUEST = 1;
export const NLM_F_ACK = 4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

/** Flags of an answer. */
export const NLM_F_MULTI = 2;
/** What was dumped changed meanwhile. */
export const NLM_F_DUMP_INTR = 0x10;
/** Of NLMSG_ERROR: the request is not repeated but for its header. */
const NLM_F_CAPPED = 0x100;
/** Of NLMSG_ERROR and NLMSG_DONE: attributes follow. */
const NLM_F_ACK_TLVS = 0x200;

const NLMSGERR_ATTR_MSG = 1, NLMSGERR_ATTR_MISS_TYPE = 5;

/** A request: what it is, the family's own fixed header, attributes. */
export interface Request {
  type: number;
  /** NLM_F_… beside NLM_F_REQUEST. */
  flags?: number;
  header: Uint8Array;
  attributes?: readonly Attribute[];
}

/** A received message, in the memory that it was received in. */
export interface Message {
  type: number;
  flags: number;
  sequence: number;
  view: DataView;
  /** Where the payload begins and ends in `view`. */
  start: number;
  end: number;
}

/** A request as it is sent. */
export function encodeRequest(request: Request, sequence: number): Uint8Array {
  const { type, flags = 0, header, attributes = [] } = request;
  const tail = encodeAttributes(attributes);
  const memory = new Uint8Array(NLMSG_HEADER + align(header.length) + tail.length);
  const view = new DataView(memory.buffer);
  view.setUint32(0, memory.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags | NLM_F_REQUEST, true);
  view.setUint32(8, sequence, true);
  memory.set(header, NLMSG_HEADER);
  memory.set(tail, NLMSG_HEADER + align(header.length));
  return memory;
}

/** The message that begins at `at` of a datagram. @throws {MalformedMessage} when its length does not fit */
export function messageAt(view: DataView, at: number): Message {
  const left = view.byteLength - at;
  const length = left < NLMSG_HEADER ? 0 : view.getUint32(at, true);
  if (length < NLMSG_HEADER || length > left) {
    throw new MalformedMessage(`a message of ${length} bytes where ${left} are left`);
  }
  return {
    type: view.getUint16(at + 4, true),
    flags: view.getUint16(at + 6, true),
    sequence: view.getUint32(at + 8, true),
    view,
    start: at + NLMSG_HEADER,
    end: at + length,
  };
}

/** Where the message behind this one begins. */
export function nextMessage({ end }: Message): number {
  return align(end);
}

/**
 * What the kernel says in NLMSG_ERROR, or at the end of a dump in NLMSG_DONE.
 *
 * @throws {MalformedMessage}
 */
export function readAnswer({ type, flags, view, start, end }: Message): KernelAnswer {
  // The DONE of an early kernel has no payload.
  if (type === NLMSG_DONE && end === start) return { errno: 0, text: "" };
  if (end - start < 4) throw new MalformedMessage(`an answer of ${end - start} bytes`);
  const error = view.getInt32(start, true);
  // A dump's DONE has a count there when all went well.
  const errno = error < 0 ? -error : 0;
  if (error > 0 && type === NLMSG_ERROR) throw new MalformedMessage(`error number ${error}`);
  if ((flags & NLM_F_ACK_TLVS) === 0) return { errno, text: "" };
  let at = start + 4;
  if (type === NLMSG_ERROR) {
    if (end - at < NLMSG_HEADER) throw new MalformedMessage("an answer without its request");
    const repeated = flags & NLM_F_CAPPED ? NLMSG_HEADER : view.getUint32(at, true);
    if (repeated < NLMSG_HEADER || repeated > end - at) {
      throw new MalformedMessage(`a request of ${repeated} bytes in an answer`);
    }
    at += align(repeated);
  }
  const attributes = new Attributes(view, at, end);
  const missing = attributes.u32(NLMSGERR_ATTR_MISS_TYPE);
  return {
    errno,
    text: attributes.text(NLMSGERR_ATTR_MSG) ?? "",
    ...(missing === undefined ? {} : { missing }),
  };
}

/**
 * The attributes behind a fixed header.
 *
 * @param reuse an object that is read from no more
 * @throws {MalformedMessage} when the payload is shorter than the header, or an attribute does not fit
 */
export function attributesAfter(
  { view, start, end }: Message,
  size: number,
  reuse: Attributes = new Attributes(),
): Attributes {
  if (end - start < size) {
    throw new MalformedMessage(`a payload of ${end - start} bytes, shorter than ${size}`);
  }
  return reuse.reset(view, start + align(size), end);
}
