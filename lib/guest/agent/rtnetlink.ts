import {
  AF_NETLINK,
  ERRNO,
  openSocket,
  receiveDatagram,
  sendDatagram,
  SOCK_RAW,
} from "../../sys/mod.ts";

/** Types of messages (linux/rtnetlink.h). */
export const RTM_SETLINK = 19;
export const RTM_NEWADDR = 20;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;

/** netlink(7): NLM_F_REQUEST and NLM_F_ACK; NLM_F_REPLACE and NLM_F_CREATE. */
const CHANGE = 1 | 4, MAKE = 0x100 | 0x400;
/** Types of messages that make something, or replace what is there. */
const MAKING: readonly number[] = [RTM_NEWADDR, RTM_NEWROUTE];
const HEADER = 16;
const ATTRIBUTE_HEADER = 4;
const REPLY_SIZE = 4096;

/** An attribute of a message: type and value. */
export type Attribute = readonly [type: number, value: Uint8Array];

/**
 * Asks the kernel for one change of the network and waits for its answer.
 *
 * @param body the structure that a message of this type starts with
 * @param what is being done, for the error
 * @throws {Error} when the kernel refuses
 */
export function changeNetwork(
  what: string,
  type: number,
  body: Uint8Array,
  attributes: readonly Attribute[],
): void {
  using socket = openSocket(AF_NETLINK, SOCK_RAW);
  const sent = sendDatagram(socket, encode(type, body, attributes));
  const reply = new Uint8Array(REPLY_SIZE);
  const received = sent < 0 ? sent : receiveDatagram(socket, reply);
  // nlmsghdr, then nlmsgerr: 0, or the error number made negative.
  const error = received < 0 ? received : new DataView(reply.buffer).getInt32(HEADER, true);
  if (error < 0) throw new Error(`${what}: ${ERRNO[-error]?.[1] ?? `errno ${-error}`}`);
}

/** A message as the kernel takes it, in this machine's byte order; everything starts on a multiple of 4. */
export function encode(
  type: number,
  body: Uint8Array,
  attributes: readonly Attribute[],
): Uint8Array {
  const tail = encodeAttributes(attributes);
  const start = HEADER + aligned(body.length);
  const bytes = new Uint8Array(start + tail.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, MAKING.includes(type) ? CHANGE | MAKE : CHANGE, true);
  view.setUint32(8, 1, true);
  bytes.set(body, HEADER);
  bytes.set(tail, start);
  return bytes;
}

/** Attributes, one after the other. */
export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const size = ([, value]: Attribute) => aligned(ATTRIBUTE_HEADER + value.length);
  const bytes = new Uint8Array(attributes.reduce((sum, each) => sum + size(each), 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const each of attributes) {
    const [type, value] = each;
    view.setUint16(at, ATTRIBUTE_HEADER + value.length, true);
    view.setUint16(at + 2, type, true);
    bytes.set(value, at + ATTRIBUTE_HEADER);
    at += size(each);
  }
  return bytes;
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}

/** A number as the value of an attribute. */
export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
