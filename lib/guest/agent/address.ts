import { AF_INET, AF_INET6 } from "../../sys/mod.ts";
import { Refusal } from "./runtime.ts";

/** The bytes of an IPv4 or IPv6 address, in network order. @throws {Refusal} when `text` is neither */
export function addressBytes(text: string): Uint8Array {
  const bytes = text.includes(":") ? version6(text) : version4(text);
  if (!bytes) throw new Refusal(`Cannot use address ${text}: it is neither IPv4 nor IPv6`);
  return Uint8Array.from(bytes);
}

/** The bytes of a hardware address of Ethernet. @throws {Refusal} when `text` is none */
export function macBytes(text: string): Uint8Array {
  if (!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text)) {
    throw new Refusal(`Cannot use hardware address ${text}: it has not six bytes`);
  }
  return Uint8Array.fromHex(text.replaceAll(":", ""));
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
  if (/^\d{1,3}$/.test(mask) && Number(mask) <= bits) return Number(mask);
  const dotted = bits === 32 ? version4(mask) : undefined;
  const ones = dotted?.map((each) => each.toString(2).padStart(8, "0")).join("");
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
  return address.map((byte, at) => byte | (hosts >>> (24 - at * 8)) & 0xff);
}

function version4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = parts.map((each) => /^\d{1,3}$/.test(each) ? Number(each) : 256);
  return bytes.every((each) => each <= 255) ? bytes : undefined;
}

function version6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, at) =>
    half === "" ? [] : groups(half, at === halves.length - 1)
  );
  if (!head || halves.length === 2 && !tail) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  if (tail ? missing < 2 : missing !== 0) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail ?? []];
}

/** Groups of four digits; the last of the address may be an IPv4 address. */
function groups(text: string, isEnd: boolean): number[] | undefined {
  const bytes: number[] = [];
  const parts = text.split(":");
  for (const [at, part] of parts.entries()) {
    const last = isEnd && at === parts.length - 1 ? version4(part) : undefined;
    if (last) bytes.push(...last);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      const value = parseInt(part, 16);
      bytes.push(value >> 8, value & 0xff);
    } else return undefined;
  }
  return bytes;
}
