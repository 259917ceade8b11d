/** The command line: finds the command, gives it its options, and turns what goes wrong into one line and a code. */
import { findPaths, loadConfig } from "../config/mod.ts";
import { Failure } from "../failure.ts";
import { flushLog } from "../log.ts";
import { applyLogConfig, applyLogOptions } from "./log_options.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { commandHelp, generalHelp, GLOBAL_OPTIONS, groupHelp, HELP_OPTION } from "./help.ts";
import { type ParsedOptions, parseOptions } from "./options.ts";
import { configureEngineLog, reportToEngine } from "./engine_log.ts";
import { print, reportError } from "./output.ts";

/**
 * Runs a command line.
 *
 * @param args what follows `podvisor`
 * @returns the exit code: the command's own, or 125 and more when podvisor itself failed
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  try {
    return await dispatch(args);
  } catch (error) {
    reportError(error);
    return error instanceof Failure ? error.exitCode : 125;
  } finally {
    await flushLog();
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const global = parseOptions(args, GLOBAL_OPTIONS, "first", "go");
  if (global.flag("version")) {
    const { VERSION } = await import("./version.ts");
    const { OCI_VERSION } = await import("../oci/version.ts");
    print(`podvisor version ${VERSION}\nspec: ${OCI_VERSION}\n`);
    return 0;
  }
  const [name, ...rest] = global.operands;
  if (global.flag("help") || name === undefined || name === "help") {
    print(generalHelp());
    return name === undefined && !global.flag("help") ? 125 : 0;
  }
  const found = findCommand([name, ...rest]);
  if (found === undefined) return printGroup(name, rest);
  return await runCommand(found.name, found.args, global);
}

/** The command that the first word names, or the first two. */
function findCommand(words: readonly string[]): { name: string; args: string[] } | undefined {
  for (const count of [2, 1]) {
    const name = words.slice(0, count).join(" ");
    if (Object.hasOwn(COMMANDS, name)) return { name, args: words.slice(count) };
  }
  return undefined;
}

/** The help of commands that begin with one word, when no second one was given. */
function printGroup(name: string, rest: readonly string[]): number {
  const group = Object.entries(COMMANDS).filter(([each]) => each.startsWith(`${name} `));
  const [next] = rest;
  if (group.length > 0 && (next === undefined || next === "--help" || next === "-h")) {
    print(groupHelp(name, group));
    return next === undefined ? 125 : 0;
  }
  const words = group.length > 0 ? `${name} ${next}` : name;
  throw new Failure(`Cannot do ${JSON.stringify(words)}: there is no such command`, {
    hint: group.length > 0 ? `See podvisor ${name} --help` : "See podvisor --help",
  });
}

async function runCommand(
  name: string,
  args: readonly string[],
  global: ParsedOptions,
): Promise<number> {
  const command = await COMMANDS[name]!.load();
  const forEngine = command.forEngines?.(args) ?? false;
  if (forEngine) configureEngineLog(global);
  try {
    return await parseAndRun(name, command, args, global, forEngine);
  } catch (error) {
    if (!forEngine) throw error;
    return reportToEngine(global, error);
  }
}

async function parseAndRun(
  name: string,
  command: Command,
  args: readonly string[],
  globals: ParsedOptions,
  forEngine: boolean,
): Promise<number> {
  const options = parseOptions(
    args,
    [...command.options, HELP_OPTION],
    command.takesCommand ? "first" : "anywhere",
    forEngine ? "go" : "posix",
  );
  if (options.flag("help")) {
    print(commandHelp(name, command));
    return 0;
  }
  checkOperands(name, command.usage, options.operands.length, command.operands);
  const root = forEngine ? undefined : globals.value("root");
  const env = Deno.env.toObject();
  const config = await loadConfig({ env });
  if (!forEngine) {
    applyLogConfig(config, env);
    applyLogOptions(globals);
  }
  const paths = findPaths({
    env,
    uid: Deno.uid() ?? 0,
    ...(root === undefined ? {} : { root }),
  });
  return await command.run({ paths, config, options, globals });
}

function checkOperands(
  name: string,
  usage: string,
  count: number,
  [least, most]: readonly [number, number],
): void {
  if (count >= least && count <= most) return;
  const problem = count < least ? "something is missing" : "there is something too many";
  throw new Failure(`Cannot run podvisor ${name}: ${problem}`, {
    hint: `Usage: podvisor ${name} ${usage}`,
  });
}
