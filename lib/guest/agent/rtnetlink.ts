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
/** Types of messages that make something, or replace what is there. */
const MAKING: readonly number[] = [RTM_NEWADDR, RTM_NEWROUTE];
const HEADER = 16;
const ATTRIBUTE_HEADER = 4;
const REPLY_SIZE = 4096;
/** Messages that are sent at once: the answers to all of them fit in the socket's buffer. */
const AT_ONCE = 64;

/** An attribute of a message: type and value. */
export type Attribute = readonly [type: number, value: Uint8Array];

/** A change of the network that the kernel is asked for. */
export interface Change {
  /** What is being done, for the error. */
  what: string;
  /** RTM_… */
  type: number;
  /** The structure that a message of this type starts with. */
  body: Uint8Array;
  attributes: readonly Attribute[];
}

/**
 * Asks the kernel for changes of the network, in this order, and waits until it has made them. They go in one datagram,
 * and only the last one is acknowledged: each call more is time that a pod's start takes longer.
 *
 * @throws {Error} naming the first that the kernel refuses; it has tried those after it all the same
 */
export function changeNetwork(changes: readonly Change[]): void {
  if (changes.length === 0) return;
  using socket = openSocket(AF_NETLINK, SOCK_RAW);
  for (let at = 0; at < changes.length; at += AT_ONCE) {
    changeAtOnce(socket, changes.slice(at, at + AT_ONCE));
  }
}

function changeAtOnce(socket: Fd, changes: readonly Change[]): void {
  const last = changes.length - 1;
  const messages = changes.map((change, at) => encode(change, at, at === last));
  const sent = sendDatagram(socket, joined(messages));
  const reply = new Uint8Array(REPLY_SIZE);
  const view = new DataView(reply.buffer);
  let failure: { what: string; error: number } | undefined;
  for (let answered = sent < 0 ? last : -1; answered < last;) {
    const received = receiveDatagram(socket, reply);
    // nlmsghdr, with the sequence number, then nlmsgerr: 0, or the error number made negative.
    answered = received < 0 ? last : view.getUint32(8, true);
    const error = received < 0 ? received : view.getInt32(HEADER, true);
    if (error < 0) failure ??= { what: changes[answered]?.what ?? "network", error };
  }
  if (sent < 0) failure = { what: changes[0]!.what, error: sent };
  if (!failure) return;
  const { what, error } = failure;
  throw new Error(`${what}: ${ERRNO[-error]?.[1] ?? `errno ${-error}`}`);
}

function joined(messages: readonly Uint8Array[]): Uint8Array {
  const [only] = messages;
  if (only && messages.length === 1) return only;
  const bytes = new Uint8Array(messages.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const each of messages) {
    bytes.set(each, at);
    at += each.length;
  }
  return bytes;
}

/**
 * A message as the kernel takes it, in this machine's byte order; everything starts and ends on a multiple of 4.
 *
 * @param acknowledged whether the kernel is to answer when all went well, too
 */
export function encode(
  { type, body, attributes }: Omit<Change, "what">,
  sequence: number,
  acknowledged: boolean,
): Uint8Array {
  const tail = encodeAttributes(attributes);
  const start = HEADER + aligned(body.length);
  const bytes = new Uint8Array(start + tail.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  const make = MAKING.includes(type) ? MAKE : 0;
  view.setUint16(6, NLM_F_REQUEST | make | (acknowledged ? NLM_F_ACK : 0), true);
  view.setUint32(8, sequence, true);
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
