import { COMMANDS } from "./commands.ts";
import type { Command, CommandEntry } from "./command.ts";
import type { OptionSpec } from "./options.ts";

/** Options that go before the command's name. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  { name: "root", kind: "value", placeholder: "DIR", help: "Keep pods in DIR" },
  { name: "log", kind: "value", placeholder: "FILE", help: "Log to FILE" },
  { name: "log-format", kind: "value", placeholder: "FORMAT", help: "text or json" },
  { name: "debug", kind: "flag", help: "Log more" },
  {
    name: "systemd-cgroup",
    kind: "flag",
    help: "For engines: accepted, the notation of a path tells",
  },
  { name: "rootless", kind: "value", placeholder: "WORD", help: "For engines: accepted" },
  { name: "criu", kind: "value", placeholder: "PROGRAM", help: "For engines: accepted" },
  { name: "cgroup-manager", kind: "value", placeholder: "NAME", help: "For engines: accepted" },
  { name: "help", short: "h", kind: "flag", help: "Show this help" },
  { name: "version", short: "v", kind: "flag", help: "Show the version" },
];

/** The help of the whole program. */
export function generalHelp(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  return [
    "Usage: podvisor [options] COMMAND …",
    "",
    "Runs pods of containers inside their own small virtual machines.",
    "",
    "Commands:",
    ...columns(commands),
    "",
    "Options:",
    ...columns(GLOBAL_OPTIONS.map(optionRow)),
    "",
    "podvisor COMMAND --help tells about a command.",
    "",
  ].join("\n");
}

/** The help of commands that share their first word. */
export function groupHelp(
  name: string,
  commands: readonly (readonly [string, CommandEntry])[],
): string {
  return [
    `Usage: podvisor ${name} COMMAND …`,
    "",
    "Commands:",
    ...columns(commands.map(([each, { summary }]) => [each.slice(name.length + 1), summary])),
    "",
    `podvisor ${name} COMMAND --help tells about a command.`,
    "",
  ].join("\n");
}

/** The help of one command. */
export function commandHelp(name: string, command: Command): string {
  const examples = command.examples ?? [];
  return [
    `Usage: podvisor ${name} ${command.usage}`,
    "",
    command.description,
    "",
    "Options:",
    ...columns([...command.options.map(optionRow), optionRow(HELP_OPTION)]),
    ...(examples.length === 0 ? [] : ["", "Examples:", ...examples.map((each) => `  ${each}`)]),
    "",
  ].join("\n");
}

/** The option that every command has. */
export const HELP_OPTION: OptionSpec = {
  name: "help",
  short: "h",
  kind: "flag",
  help: "Show this help",
};

function optionRow(
  { name, short, kind, placeholder, help }: OptionSpec,
): readonly [string, string] {
  const letter = short === undefined ? "   " : `-${short},`;
  const value = kind === "flag" ? "" : ` ${placeholder}`;
  return [`${letter} --${name}${value}`, help];
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
