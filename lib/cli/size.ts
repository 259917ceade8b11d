import { badValue, type ParsedOptions } from "./options.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/**
 * Reads a size such as `512M`, `2G` or `65536`: bytes, or units of 1024.
 *
 * @param name of the option, for the error
 * @throws {Failure} when it is none
 */
export function parseSize(name: string, text: string): number {
  const size = /^(\d+)([kKmMgG]?)[bB]?$/.exec(text);
  if (!size) throw badValue(name, text, "a size such as 512M or 2G is needed");
  const bytes = Number(size[1]) * UNITS[size[2]!.toLowerCase()]!;
  if (Number.isSafeInteger(bytes)) return bytes;
  throw badValue(name, text, "it is too large");
}

/** The value of an option that takes a size, in bytes. @throws {Failure} */
export function readSize(options: ParsedOptions, name: string): number | undefined {
  const text = options.value(name);
  return text === undefined ? undefined : parseSize(name, text);
}
