import { Failure, messageOf } from "../failure.ts";
import { CONFIG_KEYS, type ConfigValues, faultOf, isConfigKey } from "./keys.ts";

/**
 * Reads a configuration file. Without one nothing else is loaded, which keeps commands quick.
 *
 * @returns what it sets; nothing when there is no such file
 * @throws {Failure} naming the file, and where it can the line, of what is wrong
 */
export async function readConfigFile(path: string): Promise<Partial<ConfigValues> | undefined> {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  const { parse } = await import("@std/toml");
  let table: Record<string, unknown>;
  try {
    table = parse(text);
  } catch (cause) {
    throw new Failure(`Cannot read the configuration file ${path}: ${messageOf(cause)}`, { cause });
  }
  return checkTable(path, text, table);
}

function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound || cause instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw new Failure(`Cannot read the configuration file ${path}: ${messageOf(cause)}`, { cause });
  }
}

function checkTable(
  path: string,
  text: string,
  table: Readonly<Record<string, unknown>>,
): Partial<ConfigValues> {
  for (const [key, value] of Object.entries(table)) {
    const where = `${path}${lineOf(text, key)}`;
    if (!isConfigKey(key)) {
      throw new Failure(`Cannot use the key ${JSON.stringify(key)} in ${where}: it is unknown`, {
        hint: `The keys are ${CONFIG_KEYS.join(", ")}`,
      });
    }
    const fault = faultOf(key, value);
    if (fault === undefined) continue;
    throw new Failure(`Cannot use ${JSON.stringify(value)} for ${key} in ${where}: ${fault}`);
  }
  return table as Partial<ConfigValues>;
}

/** `:LINE` of the line on which a key, or the table of its name, begins. */
function lineOf(text: string, key: string): string {
  const bare = key.replace(/[^A-Za-z0-9_-]/g, ".");
  const start = new RegExp(`^\\s*\\[*\\s*["']?${bare}["']?\\s*[.=\\]]`);
  const index = text.split("\n").findIndex((line) => start.test(line));
  return index < 0 ? "" : `:${index + 1}`;
}
