import { parseArgs } from "@std/cli/parse-args";
import { Failure } from "../failure.ts";

/** Stands for an empty value on the way through the parser. */
const EMPTY = "\0";

/** One option of a command. */
export interface OptionSpec {
  /** Name after `--`. */
  name: string;
  /** Letter after `-`. */
  short?: string;
  /** `flag`: present or not; `value`: takes one; `list`: takes one each time it is given. */
  kind: "flag" | "value" | "list";
  /** What the value is, in the help: `SIZE`. */
  placeholder?: string;
  help: string;
}

/** The options that were given, and what followed them. */
export class ParsedOptions {
  constructor(
    readonly operands: readonly string[],
    readonly values: ReadonlyMap<string, boolean | string | readonly string[]>,
  ) {}

  /** Whether a flag was given. */
  flag(name: string): boolean {
    return this.values.get(name) === true;
  }

  /** The value of an option, if it was given. */
  value(name: string): string | undefined {
    const value = this.values.get(name);
    return typeof value === "string" ? value : undefined;
  }

  /** The values of an option that may be given more than once. */
  list(name: string): readonly string[] {
    const value = this.values.get(name);
    return Array.isArray(value) ? value : [];
  }

  /**
   * The value of an option that takes a whole number.
   *
   * @throws {Failure} naming the option and the number's limits
   */
  integer(name: string, least: number, most: number): number | undefined {
    const text = this.value(name);
    if (text === undefined) return undefined;
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    if (number >= least && number <= most) return number;
    throw badValue(name, text, `a whole number from ${least} to ${most} is needed`);
  }

  /**
   * The value of an option that takes one of a few words.
   *
   * @throws {Failure} naming the option and the words
   */
  choice<T extends string>(name: string, choices: readonly T[]): T | undefined {
    const text = this.value(name);
    if (text === undefined) return undefined;
    const found = choices.find((each) => each === text);
    if (found !== undefined) return found;
    throw badValue(name, text, `it is one of ${choices.join(", ")}`);
  }
}

/** The error for an option whose value will not do. */
export function badValue(name: string, text: string, why: string): Failure {
  return new Failure(`Cannot use ${JSON.stringify(text)} for --${name}: ${why}`);
}

/** Where options may stand: before the first operand only, because what follows is another program's, or anywhere. */
export type OptionPlace = "first" | "anywhere";

/**
 * How options are written: `posix` joins letters (`-it`) and takes no value twice; `go` is what runc reads, for container
 * engines: one dash does for a whole name, a flag may say `=false`, and of a value that is given twice the last holds.
 */
export type OptionStyle = "posix" | "go";

/** Words that Go takes for true and false (strconv, ParseBool). */
const TRUE = ["1", "t", "T", "true", "TRUE", "True"];
const FALSE = ["0", "f", "F", "false", "FALSE", "False"];

/**
 * Reads a command's options. They end at `--`, or at the first operand; what follows is left as it is.
 *
 * @throws {Failure} naming an option that is unknown, given twice or without its value
 */
export function parseOptions(
  args: readonly string[],
  specs: readonly OptionSpec[],
  place: OptionPlace = "first",
  style: OptionStyle = "posix",
): ParsedOptions {
  const unknown: string[] = [];
  const named = (kind: OptionSpec["kind"]) =>
    specs.filter((each) => each.kind === kind).map((each) => each.name);
  const { own, rest } = splitOperands(args, specs, place, style);
  const parsed = parseArgs(own, {
    boolean: named("flag"),
    string: [...named("value"), ...named("list"), "_"],
    collect: [...named("value"), ...named("list")],
    unknown: (arg) => {
      unknown.push(arg);
      return false;
    },
  });
  if (unknown.length > 0) {
    throw unknownOption(unknown[0]!.replace(/=.*/s, ""));
  }
  const values = new Map<string, boolean | string | readonly string[]>();
  for (const { name, kind } of specs) {
    const given = parsed[name];
    if (kind === "flag") {
      values.set(name, given === true);
      continue;
    }
    const texts = Array.isArray(given)
      ? given.map((text) => text === EMPTY ? "" : String(text))
      : [];
    if (texts.length === 0) continue;
    if (kind === "list") values.set(name, texts);
    else if (texts.length === 1 || style === "go") values.set(name, texts.at(-1)!);
    else throw new Failure(`Cannot use --${name} more than once`);
  }
  return new ParsedOptions(rest, values);
}

/** Separates options from the operands, and writes every option out in its long form, with its value. */
function splitOperands(
  args: readonly string[],
  specs: readonly OptionSpec[],
  place: OptionPlace,
  style: OptionStyle,
): { own: string[]; rest: string[] } {
  const own: string[] = [];
  const operands: string[] = [];
  const done = (rest: readonly string[] = []) => ({
    own: own.map(markEmptyValue),
    rest: [...operands, ...rest],
  });
  for (let at = 0; at < args.length; at++) {
    const arg = style === "go" ? fromGo(args[at]!, specs) : args[at]!;
    if (arg === undefined) continue;
    if (arg === "--") return done(args.slice(at + 1));
    if (!arg.startsWith("-") || arg === "-") {
      if (place === "first") return done(args.slice(at));
      operands.push(arg);
      continue;
    }
    const long = arg.startsWith("--") ? [arg] : writeOut(arg, specs);
    own.push(...long);
    const last = long.at(-1)!;
    const spec = specs.find((each) => `--${each.name}` === last);
    if (spec === undefined || spec.kind === "flag") continue;
    const value = args[++at];
    if (value === undefined) {
      throw new Failure(`Cannot use the option ${arg}: it needs a value (${spec.placeholder})`);
    }
    own[own.length - 1] = `${last}=${value}`;
  }
  return done();
}

/** An option as Go writes it in the form of others; nothing for a flag that says no. */
function fromGo(arg: string, specs: readonly OptionSpec[]): string | undefined {
  const [, name, value] = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
  if (name === undefined) return arg;
  const spec = specs.find((each) => each.name === name || each.short === name);
  if (spec === undefined) return arg;
  const long = `--${spec.name}`;
  if (value === undefined) return long;
  if (spec.kind !== "flag") return `${long}=${value}`;
  if (TRUE.includes(value)) return long;
  if (FALSE.includes(value)) return undefined;
  throw badValue(spec.name, value, "true or false is needed");
}

/** The parser takes `--name=` for an option that it does not know. No argument can hold a zero byte. */
function markEmptyValue(arg: string): string {
  return /^--[^=]+=$/.test(arg) ? arg + EMPTY : arg;
}

/** The long forms of `-i`, `-it`, `-eA=b` and their like. */
function writeOut(arg: string, specs: readonly OptionSpec[]): string[] {
  const long: string[] = [];
  for (let at = 1; at < arg.length; at++) {
    const spec = specs.find((each) => each.short === arg[at]);
    if (spec === undefined) {
      throw unknownOption(`-${arg[at]}`);
    }
    if (spec.kind === "flag") {
      long.push(`--${spec.name}`);
      continue;
    }
    const value = arg.slice(at + 1);
    return [...long, value === "" ? `--${spec.name}` : `--${spec.name}=${value}`];
  }
  return long;
}

function unknownOption(option: string): Failure {
  return new Failure(`Cannot use the option ${option}: it is unknown`, { hint: "See --help" });
}
