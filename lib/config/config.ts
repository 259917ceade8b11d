import { isAbsolute, join, resolve } from "@std/path";
import { Failure } from "../failure.ts";
import { readConfigFile } from "./config_file.ts";
import { CONFIG_KEYS, type ConfigKey, type ConfigValues, DEFAULTS } from "./keys.ts";

/** Where a value comes from when no file says it. */
export const BY_DEFAULT = "default";

/** A place where configuration is looked for. */
export interface ConfigFile {
  path: string;
  /** Whether there is such a file. */
  there: boolean;
}

/** The configuration in effect, and where each value of it comes from. */
export class Config {
  readonly #values: Readonly<ConfigValues>;
  readonly #sources: ReadonlyMap<ConfigKey, string>;
  /** Where it was looked for, in order. */
  readonly files: readonly ConfigFile[];

  /** @param sources files, or {@linkcode BY_DEFAULT} for keys that are not in it */
  constructor(
    values: Readonly<ConfigValues> = DEFAULTS,
    sources: ReadonlyMap<ConfigKey, string> = new Map(),
    files: readonly ConfigFile[] = [],
  ) {
    this.#values = values;
    this.#sources = sources;
    this.files = files;
  }

  get<K extends ConfigKey>(key: K): ConfigValues[K] {
    return this.#values[key];
  }

  /** The file that says the value of `key`, or `default`. */
  source(key: ConfigKey): string {
    return this.#sources.get(key) ?? BY_DEFAULT;
  }

  /** The same with what a file says over it. */
  with(changed: Partial<ConfigValues>, source: string): Config {
    const sources = new Map(this.#sources);
    for (const key of CONFIG_KEYS) if (key in changed) sources.set(key, source);
    const files = [...this.files, { path: source, there: true }];
    return new Config({ ...this.#values, ...changed }, sources, files);
  }

  /** The same, with a place where no file is. */
  without(path: string): Config {
    return new Config(this.#values, this.#sources, [...this.files, { path, there: false }]);
  }

  /** Every key with its value and where that comes from. */
  entries(): { key: ConfigKey; value: ConfigValues[ConfigKey]; from: string }[] {
    return CONFIG_KEYS.map((key) => ({ key, value: this.get(key), from: this.source(key) }));
  }
}

/** What chooses the configuration files. */
export interface ConfigInputs {
  env: Readonly<Record<string, string>>;
  /** Default: `/etc/podvisor/config.toml`. */
  system?: string;
}

/**
 * Reads the configuration: the system's file, then the user's, then the one that `PODVISOR_CONFIG` names; what a later
 * one says holds.
 *
 * @throws {Failure} naming file, line and key of what is wrong, or the file that `PODVISOR_CONFIG` names and is not there
 */
export async function loadConfig({ env, system }: ConfigInputs): Promise<Config> {
  let config = new Config();
  for (const path of [system ?? "/etc/podvisor/config.toml", userFile(env)]) {
    if (path === undefined) continue;
    const values = await readConfigFile(path);
    config = values ? config.with(values, path) : config.without(path);
  }
  const named = env.PODVISOR_CONFIG;
  if (named === undefined || named === "") return config;
  const path = resolve(named);
  const values = await readConfigFile(path);
  if (!values) {
    throw new Failure(`Cannot read the configuration file ${path}: there is none`, {
      hint: "PODVISOR_CONFIG names it",
    });
  }
  return config.with(values, path);
}

/** By the base directory specification; a relative base is to be ignored. */
function userFile({ XDG_CONFIG_HOME, HOME }: ConfigInputs["env"]): string | undefined {
  const file = "podvisor/config.toml";
  if (XDG_CONFIG_HOME && isAbsolute(XDG_CONFIG_HOME)) return join(XDG_CONFIG_HOME, file);
  return HOME && isAbsolute(HOME) ? join(HOME, ".config", file) : undefined;
}
