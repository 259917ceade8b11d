/** The command line: finds the command, gives it its options, and turns what goes wrong into one line and a code. */
import { findPaths } from "../config/mod.ts";
import { Failure } from "../failure.ts";
import { flushLog } from "../log.ts";
import { COMMANDS } from "./commands.ts";
import { commandHelp, generalHelp, GLOBAL_OPTIONS, HELP_OPTION } from "./help.ts";
import { parseOptions } from "./options.ts";
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
  const global = parseOptions(args, GLOBAL_OPTIONS);
  if (global.flag("version")) {
    const { VERSION } = await import("./version.ts");
    print(`podvisor ${VERSION}\n`);
    return 0;
  }
  const [name, ...rest] = global.operands;
  if (global.flag("help") || name === undefined || name === "help") {
    print(generalHelp());
    return name === undefined && !global.flag("help") ? 125 : 0;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    throw new Failure(`Cannot do ${JSON.stringify(name)}: there is no such command`, {
      hint: "See podvisor --help",
    });
  }
  const command = await COMMANDS[name]!.load();
  const options = parseOptions(rest, [...command.options, HELP_OPTION]);
  if (options.flag("help")) {
    print(commandHelp(name, command));
    return 0;
  }
  checkOperands(name, command.usage, options.operands.length, command.operands);
  const root = global.value("root");
  const paths = findPaths({
    env: Deno.env.toObject(),
    uid: Deno.uid() ?? 0,
    ...(root === undefined ? {} : { root }),
  });
  return await command.run({ paths, options });
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
