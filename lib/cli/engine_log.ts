import { Failure } from "../failure.ts";
import { configureLogging, getLogger } from "../log.ts";
import type { ParsedOptions } from "./options.ts";
import { describeError, printError } from "./output.ts";

/** What people are told by, and runc's callers by 1. */
const PODVISOR_FAILED = 125;

/**
 * Sets the log up for a command that an engine calls: into the file that it names, in the form that it reads there. On
 * stderr, which is the container's, there is nothing but the error that ends the command.
 */
export function configureEngineLog(globals: ParsedOptions): void {
  const file = globals.value("log");
  const format = globals.value("log-format") === "json" ? "logrus" : "text";
  const level = globals.flag("debug") ? "debug" : "warn";
  configureLogging(file === undefined ? { level: "error" } : { file, format, level });
}

/**
 * Tells the engine what ended a command, in its log and on stderr.
 *
 * @returns the exit code, as runc has it: 1, or what the failure itself says, as of a program that cannot be run
 */
export function reportToEngine(globals: ParsedOptions, error: unknown): number {
  const text = describeError(error);
  if (globals.value("log") !== undefined) getLogger("oci").error(text);
  printError(`podvisor: ${text}\n`);
  const code = error instanceof Failure ? error.exitCode : PODVISOR_FAILED;
  return code === PODVISOR_FAILED ? 1 : code;
}
