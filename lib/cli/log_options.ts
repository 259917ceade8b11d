import { resolve } from "@std/path";
import { BY_DEFAULT, type Config } from "../config/mod.ts";
import { configureLogging, LOG_FORMATS, LOG_LEVELS } from "../log.ts";
import type { OptionSpec, ParsedOptions } from "./options.ts";

/** The options of every command that logs. */
export const LOG_OPTIONS: readonly OptionSpec[] = [
  {
    name: "log-level",
    kind: "value",
    placeholder: "LEVEL",
    help: "debug, info, warn or error. Default: warn",
  },
  { name: "log", kind: "value", placeholder: "FILE", help: "Log to FILE. Default: stderr" },
  { name: "log-format", kind: "value", placeholder: "FORMAT", help: "text or json. Default: text" },
];

/** Sets the log up as configuration files say, where the environment does not: that has been read already. */
export function applyLogConfig(config: Config, env: Readonly<Record<string, string>>): void {
  const said = (key: "log_level" | "log_format", variable: string) =>
    config.source(key) !== BY_DEFAULT && env[variable] === undefined;
  configureLogging({
    ...(said("log_level", "PODVISOR_LOG_LEVEL") ? { level: config.get("log_level") } : {}),
    ...(said("log_format", "PODVISOR_LOG_FORMAT") ? { format: config.get("log_format") } : {}),
  });
}

/** Sets the log up as options say, those of a command or those before its name. @throws {Failure} for a value that is none of theirs */
export function applyLogOptions(options: ParsedOptions): void {
  const level = options.choice("log-level", LOG_LEVELS) ??
    (options.flag("debug") ? "debug" : undefined);
  const format = options.choice("log-format", LOG_FORMATS);
  const file = options.value("log");
  configureLogging({
    ...(level ? { level } : {}),
    ...(format ? { format } : {}),
    ...(file === undefined ? {} : { file: resolve(file) }),
  });
}
