/** Texts of network addresses: IPv4, IPv6 (RFC 4291, written as RFC 5952 asks) and MAC addresses. */

/** An address and the length of its network's prefix. */
export interface Prefix {
  address: Uint8Array;
  length: number;
}

/**
 * The bytes of an IPv4 (4) or IPv6 (16) address, in network order.
 *
 * @throws {TypeError} when it is no address
 */
export function parseIp(text: string): Uint8Array {
  const bytes = text.includes(":") ? parseIpv6(text) : parseIpv4(text);
  if (!bytes) throw new TypeError(`Cannot read ${JSON.stringify(text)} as an IP address`);
  return bytes;
}

/** Whether a text is an IPv4 or IPv6 address. */
export function isIp(text: string): boolean {
  return (text.includes(":") ? parseIpv6(text) : parseIpv4(text)) !== undefined;
}

/**
 * An address with prefix length, such as `10.0.0.1/24`; without one it is that of a single host.
 *
 * @throws {TypeError}
 */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf("/");
  const address = parseIp(slash < 0 ? text : text.slice(0, slash));
  const most = address.length * 8;
  const length = slash < 0 ? most : parseDecimal(text.slice(slash + 1), most);
  if (length === undefined) {
    throw new TypeError(`Cannot read ${JSON.stringify(text)} as an address with prefix length`);
  }
  return { address, length };
}

/** The text of an address of 4 or 16 bytes. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  return formatIpv6(bytes);
}

/** The text of a hardware address: `02:00:00:00:00:01`. */
export function formatMac(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at++) text += (at ? ":" : "") + HEX[bytes[at]!]!;
  return text;
}

/** The bytes of an Ethernet address. @throws {TypeError} */
export function parseMac(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) {
    throw new TypeError(`Cannot read ${JSON.stringify(text)} as a MAC address`);
  }
  return Uint8Array.from(text.split(":"), (part) => parseInt(part, 16));
}

/** The IPv6 link-local address that a kernel makes from an Ethernet address (RFC 4291, appendix A). */
export function linkLocalOf(mac: string): string {
  const [a, b, c, d, e, f] = parseMac(mac);
  return formatIp(
    Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, a! ^ 2, b!, c!, 0xff, 0xfe, d!, e!, f!),
  );
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".").map((part) => parseDecimal(part, 255));
  if (parts.length !== 4 || parts.includes(undefined)) return undefined;
  return Uint8Array.from(parts as number[]);
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map(parseGroups);
  if (!head || (halves.length === 2 && !tail)) return undefined;
  const zeros = 16 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? zeros !== 0 : zeros < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(zeros).fill(0), ...(tail ?? [])]);
}

/** Groups of 16 bits, the last of which may be an IPv4 address, as bytes. */
function parseGroups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups = text.split(":");
  const bytes: number[] = [];
  for (const [at, group] of groups.entries()) {
    if (at === groups.length - 1 && group.includes(".")) {
      const last = parseIpv4(group);
      if (!last) return undefined;
      bytes.push(...last);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

/** A decimal number without sign or leading zeros. */
function parseDecimal(text: string, most: number): number | undefined {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= most ? value : undefined;
}

/** The text of 16 bytes: the first of the longest runs of zero groups, if it is longer than one, becomes `::`. */
function formatIpv6(bytes: Uint8Array): string {
  let start = -1;
  let end = -1;
  for (let at = 0, run = 0; at < 8; at++) {
    run = bytes[at * 2] === 0 && bytes[at * 2 + 1] === 0 ? run + 1 : 0;
    if (run > 1 && run > end - start) [start, end] = [at + 1 - run, at + 1];
  }
  if (start === 0 && end === 5 && bytes[10] === 0xff && bytes[11] === 0xff) {
    return `::ffff:${formatIp(bytes.subarray(12))}`;
  }
  let text = "";
  for (let at = 0; at < 8; at++) {
    if (at >= start && at < end) {
      if (at === start) text += "::";
      continue;
    }
    const separator = at === 0 || at === end ? "" : ":";
    text += separator + (bytes[at * 2]! << 8 | bytes[at * 2 + 1]!).toString(16);
  }
  return text;
}
