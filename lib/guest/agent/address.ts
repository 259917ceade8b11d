import { AF_INET, AF_INET6 } from "../../sys/mod.ts";
import { Refusal } from "./runtime.ts";

/*
 * What is here runs in the start of each restored pod that has a network, for the first time in that machine: plain
 * loops have it done sooner there than regular expressions and lists.
 */
const COLON = 58, DOT = 46, ZERO = 48, LOWER_A = 97, CASE = 32;

/** The bytes of an IPv4 or IPv6 address, in network order. @throws {Refusal} when `text` is neither */
export function addressBytes(text: string): Uint8Array {
  const bytes = version4(text, 0) ?? version6(text);
  if (!bytes) throw new Refusal(`Cannot use address ${text}: it is neither IPv4 nor IPv6`);
  return bytes;
}

/** The bytes of a hardware address of Ethernet. @throws {Refusal} when `text` is none */
export function macBytes(text: string): Uint8Array {
  const bytes = new Uint8Array(6);
  let right = text.length === 17;
  for (let at = 0; right && at < 6; at++) {
    const high = hexDigit(text, at * 3), low = hexDigit(text, at * 3 + 1);
    bytes[at] = high << 4 | low;
    right = high >= 0 && low >= 0 && (at === 5 || text.charCodeAt(at * 3 + 2) === COLON);
  }
  if (!right) throw new Refusal(`Cannot use hardware address ${text}: it has not six bytes`);
  return bytes;
}

/**
 * The length of a network's prefix.
 *
 * @param mask a number of bits, or for IPv4 a dotted mask; empty for the whole address
 * @param bits of an address
 * @throws {Refusal} when it is neither
 */
export function prefixLength(mask: string, bits: number): number {
  if (mask === "") return bits;
  const length = decimal(mask, 0, mask.length);
  if (length >= 0 && length <= bits) return length;
  const dotted = bits === 32 ? version4(mask, 0) : undefined;
  const ones = dotted && Array.from(dotted, (each) => each.toString(2).padStart(8, "0")).join("");
  if (ones === undefined || !/^1*0*$/.test(ones)) {
    throw new Refusal(`Cannot use netmask ${mask}: it is no prefix`);
  }
  return ones.replace(/0+$/, "").length;
}

/** The address family of an address of 4 or 16 bytes. */
export function addressFamily(address: Uint8Array): number {
  return address.length === 16 ? AF_INET6 : AF_INET;
}

/** The address that stands for all of an IPv4 network. */
export function broadcastOf(address: Uint8Array, length: number): Uint8Array {
  const hosts = length === 0 ? 0xffffffff : 0xffffffff >>> length;
  const bytes = new Uint8Array(4);
  for (let at = 0; at < 4; at++) bytes[at] = address[at]! | (hosts >>> (24 - at * 8)) & 0xff;
  return bytes;
}

/** @param at where it begins in `text`; it ends where that ends */
function version4(text: string, at: number): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let start = at;
  for (let part = 0; part < 4; part++) {
    let end = start;
    while (end < text.length && text.charCodeAt(end) !== DOT) end++;
    const value = decimal(text, start, end);
    if (value < 0 || value > 255 || (end === text.length) !== (part === 3)) return undefined;
    bytes[part] = value;
    start = end + 1;
  }
  return bytes;
}

function version6(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  let count = 0, gap = -1, at = 0;
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return undefined;
    gap = 0;
    at = 2;
  }
  while (at < text.length) {
    let end = at, value = 0;
    for (let digit; end < text.length && (digit = hexDigit(text, end)) >= 0; end++) {
      value = value << 4 | digit;
    }
    if (text.charCodeAt(end) === DOT) {
      const last = version4(text, at);
      if (!last || count > 12) return undefined;
      bytes.set(last, count);
      count += 4;
      break;
    }
    if (end === at || end > at + 4 || count === 16) return undefined;
    bytes[count++] = value >> 8;
    bytes[count++] = value & 0xff;
    if (end === text.length) break;
    // A colon goes on, two leave out zeros, and one alone does not end an address.
    if (text.charCodeAt(end) !== COLON || end + 1 === text.length) return undefined;
    at = end + 1;
    if (text.charCodeAt(at) !== COLON) continue;
    if (gap >= 0) return undefined;
    gap = count;
    at++;
  }
  if (gap < 0) return count === 16 ? bytes : undefined;
  if (count > 14) return undefined;
  bytes.copyWithin(16 - (count - gap), gap, count);
  bytes.fill(0, gap, 16 - (count - gap));
  return bytes;
}

/** A number of up to three digits; -1 when it is none. */
function decimal(text: string, start: number, end: number): number {
  if (end === start || end > start + 3) return -1;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** @returns -1 when there is no hexadecimal digit */
function hexDigit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= ZERO && code <= ZERO + 9) return code - ZERO;
  const letter = (code | CASE) - LOWER_A;
  return letter >= 0 && letter < 6 ? letter + 10 : -1;
}
