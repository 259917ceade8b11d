import type { GuestDialect } from "../../hyperstart/mod.ts";

/** Which guests take a key of a message: every key of it has a row, in the order in which they are sent. */
export type KeyTable<T> = { readonly [K in keyof Required<T>]: readonly GuestDialect[] };

/** The part of a message that a guest takes, and what was asked for and is not in it. */
export interface Adapted<T> {
  message: T;
  /** Keys that say something and that the guest does not take: `process.rlimits`. */
  dropped: string[];
}

/**
 * Keeps of a message what a guest takes. C hyperstart refuses a whole message for a key that it does not know, and the
 * Go agent ignores the key, which must not pass in silence either.
 *
 * @param path of the message within a larger one, for `dropped`
 */
export function keepKeys<T extends object>(
  table: KeyTable<T>,
  dialect: GuestDialect,
  message: T,
  path = "",
): Adapted<T> {
  const kept: Partial<T> = {};
  const dropped: string[] = [];
  for (const key of Object.keys(table) as (keyof T & string)[]) {
    const value = message[key];
    if (value === undefined) continue;
    if (table[key].includes(dialect)) kept[key] = value;
    else if (saysSomething(value)) dropped.push(path + key);
  }
  return { message: kept as T, dropped };
}

/** Whether a value is other than what holds when nothing is said. */
function saysSomething(value: unknown): boolean {
  if (value === null || value === undefined || value === false || value === "" || value === 0) {
    return false;
  }
  // An empty list may say something: no capabilities at all.
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === "object" ? Object.values(value).some(isSet) : true;
}

function isSet(value: unknown): boolean {
  return Array.isArray(value) || saysSomething(value);
}
