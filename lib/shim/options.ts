/** What `podvisor shim` was asked for. */
export interface ShimArguments {
  container: string;
  /** The token itself, which other users see on the command line, or the descriptor to read it from. */
  token: string | { descriptor: number };
  url: string;
  /** Milliseconds. */
  reconnectTimeout: number;
  debug: boolean;
  terminal: boolean;
  /** With `log`: the process's stdin stays open for those who attach. */
  interactive: boolean;
  log?: string;
  logSize?: number;
  exit?: string;
  /** Pod of the container, whose guest knows whether a process was killed for lack of memory. */
  pod?: string;
  /** File that is made then. */
  oom?: string;
  /** Those who join its mount namespace are shown the container's processes there. */
  showProcesses?: true;
  /** Control group whose watchers are told then. */
  memoryGroup?: string;
  attach?: string;
  /** Without `log`: file for what the shim itself has to tell; default: stderr. */
  diagnostics?: string;
  /** Path of cc-shim, which does the work. */
  program?: string;
}

const DEFAULT_RECONNECT_SECONDS = 10;
/** Names that share their first letter with a short option, and those that are podvisor's own. */
const VALUES: Readonly<Record<string, string>> = {
  c: "container-id",
  t: "token",
  u: "uri",
  r: "reconnect-timeout",
};
const FLAGS: Readonly<Record<string, string>> = { d: "debug", v: "version", h: "help" };
const OWN_VALUES = ["token-fd", "log", "log-size", "exit", "pod", "oom", "memory-group", "attach"]
  .concat("diagnostics", "program");
const OWN_FLAGS = ["terminal", "interactive", "show-processes"];

/**
 * Reads the shim's arguments: cc-shim's options (cc-proxy-protocol 8) and podvisor's own, each with one dash or two.
 *
 * @returns what was asked for, or that help or the version was
 * @throws {Error} naming the argument that is wrong
 */
export function readShimArguments(args: readonly string[]): ShimArguments | "help" | "version" {
  const given = parse(args);
  if (given.has("help")) return "help";
  if (given.has("version")) return "version";
  const needed = (name: string) => {
    const value = given.get(name);
    if (!value) throw new Error(`Cannot start the shim: --${name} is missing`);
    return value;
  };
  const number = (name: string, otherwise: number) => {
    const text = given.get(name);
    if (text === undefined) return otherwise;
    if (!/^-?\d{1,9}$/.test(text)) {
      throw new Error(`Cannot use ${JSON.stringify(text)} as --${name}: it is not a number`);
    }
    return Number(text);
  };
  const seconds = number("reconnect-timeout", DEFAULT_RECONNECT_SECONDS);
  const logSize = number("log-size", 0);
  const own = (
    name: "log" | "exit" | "pod" | "oom" | "attach" | "diagnostics" | "program",
  ) => {
    const value = given.get(name);
    return value === undefined ? {} : { [name]: value };
  };
  const memoryGroup = given.get("memory-group");
  const found: ShimArguments = {
    container: needed("container-id"),
    token: given.has("token-fd") ? { descriptor: number("token-fd", 0) } : needed("token"),
    url: needed("uri"),
    reconnectTimeout: (seconds > 0 ? seconds : DEFAULT_RECONNECT_SECONDS) * 1000,
    debug: given.has("debug"),
    terminal: given.has("terminal"),
    interactive: given.has("interactive"),
    ...own("log"),
    ...(logSize > 0 ? { logSize } : {}),
    ...own("exit"),
    ...own("pod"),
    ...own("oom"),
    ...(memoryGroup === undefined ? {} : { memoryGroup }),
    ...(given.has("show-processes") ? { showProcesses: true } : {}),
    ...own("attach"),
    ...own("diagnostics"),
    ...own("program"),
  };
  if (found.log === undefined && found.attach !== undefined) {
    throw new Error("Cannot start the shim: --attach needs --log");
  }
  if (found.showProcesses && found.pod === undefined) {
    throw new Error("Cannot start the shim: --show-processes needs --pod");
  }
  return found;
}

function parse(args: readonly string[]): Map<string, string> {
  const given = new Map<string, string>();
  const longValues = [...Object.values(VALUES), ...OWN_VALUES];
  const longFlags = [...Object.values(FLAGS), ...OWN_FLAGS];
  for (let index = 0; index < args.length; index++) {
    const argument = args[index]!;
    const [, word = "", inline] = /^--?([a-z][a-z-]*)(?:=(.*))?$/s.exec(argument) ?? [];
    const name = VALUES[word] ?? FLAGS[word] ?? word;
    if (longFlags.includes(name)) {
      given.set(name, "true");
    } else if (longValues.includes(name)) {
      const value = inline ?? args[++index];
      if (value === undefined) throw new Error(`Cannot use --${name}: its value is missing`);
      given.set(name, value);
    } else {
      throw new Error(`Cannot use argument ${JSON.stringify(argument)}: it is unknown`);
    }
  }
  return given;
}
