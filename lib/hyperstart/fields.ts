/** A message whose JSON is malformed or has a value of the wrong type; the message names the key. */
export class MessageError extends Error {
  override readonly name = "MessageError";
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Longest quotation of foreign text in an error. */
const MAX_QUOTED = 64;

/**
 * The keys of one JSON object, read as Go's encoding/json reads them into a structure: keys match in any case and the
 * last one wins, unknown keys are ignored, null leaves the zero value, and any other type than the expected one is
 * an error that names the key.
 */
export class Fields {
  readonly #values = new Map<string, unknown>();
  readonly #path: string;

  constructor(value: unknown, path: string) {
    if (value !== null && (typeof value !== "object" || Array.isArray(value))) {
      throw new MessageError(`Cannot read ${path}: it is not an object`);
    }
    this.#path = path;
    for (const [key, member] of Object.entries(value ?? {})) {
      this.#values.set(key.toLowerCase(), member);
    }
  }

  /** The payload of a message, parsed. */
  static parse(payload: Uint8Array, what: string): Fields {
    let value: unknown;
    try {
      value = JSON.parse(decoder.decode(payload));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new MessageError(`Cannot read ${what}: ${reason}`);
    }
    return new Fields(value, what);
  }

  string(key: string): string {
    const value = this.#get(key) ?? "";
    if (typeof value !== "string") throw this.#wrong(key, "a string", value);
    return value;
  }

  /** A string that must be there and not be empty. */
  name(key: string): string {
    const value = this.string(key);
    if (value === "") {
      throw new MessageError(`Cannot read ${this.#path}: key "${key}" is missing or empty`);
    }
    return value;
  }

  boolean(key: string): boolean {
    const value = this.#get(key) ?? false;
    if (typeof value !== "boolean") throw this.#wrong(key, "true or false", value);
    return value;
  }

  /** A whole number from `min` to `max`; 0 when absent. */
  integer(key: string, max = Number.MAX_SAFE_INTEGER, min = 0): number {
    const value = this.#get(key) ?? 0;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
      throw this.#wrong(key, `a whole number from ${min} to ${max}`, value);
    }
    return value;
  }

  /** A resource limit: 0 to 2^64, which is what JSON readers make of the kernel's "infinity", 2^64 - 1. */
  limit(key: string): number {
    const value = this.#get(key) ?? 0;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 2 ** 64) {
      throw this.#wrong(key, "a resource limit", value);
    }
    return value;
  }

  optionalInteger(key: string, max: number): number | null {
    return this.has(key) ? this.integer(key, max) : null;
  }

  strings(key: string): string[] {
    return this.optionalStrings(key) ?? [];
  }

  optionalStrings(key: string): string[] | null {
    if (!this.has(key)) return null;
    return this.#array(key).map((value, index) => {
      if (value === null) return "";
      if (typeof value !== "string") throw this.#wrong(`${key}[${index}]`, "a string", value);
      return value;
    });
  }

  stringMap(key: string): Record<string, string> {
    const value = this.#get(key) ?? {};
    if (typeof value !== "object" || Array.isArray(value)) {
      throw this.#wrong(key, "an object", value);
    }
    const map: Record<string, string> = Object.create(null);
    for (const [name, text] of Object.entries(value)) {
      if (typeof text !== "string") throw this.#wrong(`${key}.${name}`, "a string", text);
      map[name] = text;
    }
    return { ...map };
  }

  object<T>(key: string, read: (fields: Fields) => T): T {
    return read(new Fields(this.#get(key) ?? null, `${this.#path}.${key}`));
  }

  optionalObject<T>(key: string, read: (fields: Fields) => T): T | null {
    return this.has(key) ? this.object(key, read) : null;
  }

  objects<T>(key: string, read: (fields: Fields) => T): T[] {
    return this.#array(key).map((value, index) =>
      read(new Fields(value, `${this.#path}.${key}[${index}]`))
    );
  }

  /** Whether the key is there and not null. */
  has(key: string): boolean {
    return (this.#get(key) ?? null) !== null;
  }

  #get(key: string): unknown {
    return this.#values.get(key.toLowerCase());
  }

  #array(key: string): unknown[] {
    const value = this.#get(key) ?? [];
    if (!Array.isArray(value)) throw this.#wrong(key, "an array", value);
    return value;
  }

  #wrong(key: string, expected: string, value: unknown): MessageError {
    const text = JSON.stringify(value);
    const quoted = text.length > MAX_QUOTED ? text.slice(0, MAX_QUOTED) + "…" : text;
    return new MessageError(
      `Cannot read ${this.#path}: key "${key}" is ${quoted}, not ${expected}`,
    );
  }
}
