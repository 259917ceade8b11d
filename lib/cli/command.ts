import type { Config, Paths } from "../config/mod.ts";
import type { OptionSpec, ParsedOptions } from "./options.ts";

/** What a command works with. */
export interface CommandContext {
  paths: Paths;
  config: Config;
  options: ParsedOptions;
  /** Those before the command's name. */
  globals: ParsedOptions;
}

/** One command of the command line. */
export interface Command {
  /** After `podvisor` and the command's name: `[options] ROOTFS [COMMAND [ARG…]]`. */
  usage: string;
  /** What it does, in a paragraph. */
  description: string;
  options: readonly OptionSpec[];
  /** Whether the operands end with another program's command line, whose options are not this command's. */
  takesCommand?: boolean;
  /** Smallest and largest number of operands. */
  operands: readonly [least: number, most: number];
  /** Examples for the help. */
  examples?: readonly string[];
  /**
   * Whether it is called with these arguments by a container engine, as runc would be: they are read as runc reads them,
   * `--root` is the place of that engine's records alone, and what goes wrong is told in its log too. Default: never.
   */
  forEngines?(args: readonly string[]): boolean;
  /** Does it, and returns the exit code. */
  run(context: CommandContext): Promise<number>;
}

/** A command as the table of commands knows it: loaded only when it is called. */
export interface CommandEntry {
  summary: string;
  load(): Promise<Command>;
}
