import { formatIp, parsePrefix } from "../../network/mod.ts";

/**
 * The lowest address of a network that is free.
 *
 * @param own an address in the network, with prefix length; it is not free itself
 * @param used addresses, without prefix length
 * @returns the address with the network's prefix length; nothing when none is free
 */
export function freeAddress(own: string, used: ReadonlySet<string>): string | undefined {
  const { address, length } = parsePrefix(own);
  const taken = new Set([...used, formatIp(address)]);
  const bits = address.length * 8;
  const size = 1n << BigInt(bits - length);
  const network = toNumber(address) / size * size;
  // IPv4 keeps the last address for all, both keep the first.
  const end = address.length === 4 ? size - 1n : size;
  for (let host = 1n; host < end; host++) {
    const text = formatIp(toBytes(network + host, address.length));
    if (!taken.has(text)) return `${text}/${length}`;
  }
  return undefined;
}

/** Whether an address, without prefix length, is in the network of another, with it. */
export function isInNetwork(address: string, network: string): boolean {
  const [one, other] = [parsePrefix(address).address, parsePrefix(network)];
  if (one.length !== other.address.length) return false;
  const shift = BigInt(one.length * 8 - other.length);
  return toNumber(one) >> shift === toNumber(other.address) >> shift;
}

function toNumber(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
}

function toBytes(number: bigint, length: number): Uint8Array {
  return Uint8Array.from(
    { length },
    (_, at) => Number(number >> BigInt((length - 1 - at) * 8) & 0xffn),
  );
}
