import { messageOf } from "../failure.ts";
import { configureLogging } from "../log.ts";
import { SIGNALS } from "../sys/mod.ts";
import { Shim, type ShimResult } from "./shim.ts";

const DEFAULT_RECONNECT = 10;
/** What cc-shim forwards, as far as the runtime lets signals be listened to; SIGWINCH is the terminal's affair. */
const FORWARDED = [
  "HUP",
  "INT",
  "TRAP",
  "ABRT",
  "USR1",
  "USR2",
  "ALRM",
  "TERM",
  "STKFLT",
  "CHLD",
  "CONT",
  "TSTP",
  "TTIN",
  "TTOU",
  "URG",
  "XCPU",
  "XFSZ",
  "VTALRM",
  "PROF",
  "IO",
  "PWR",
];
const USAGE = `Usage: podvisor shim [options]

  -c, --container-id ID          container of the process
  -t, --token TOKEN              the process's token at the proxy
  -u, --uri URI                  the proxy: unix:///path or tcp://host:port
  -r, --reconnect-timeout SECS   how long to look for a lost proxy (default 10)
  -d, --debug                    log more
  -v, --version                  print the version
  -h, --help                     print this
`;

interface ShimArguments {
  container: string;
  token: string;
  url: string;
  /** Seconds. */
  reconnect: number;
  debug: boolean;
}

/**
 * `podvisor shim`, with cc-shim's options (cc-proxy-protocol 8): carries a process's streams, forwards signals to it
 * and ends with its exit code, or with 1 when the proxy is lost or refuses the token.
 *
 * @returns the exit code
 */
export async function shimMain(args: readonly string[]): Promise<number> {
  try {
    const options = parseArguments(args);
    if (typeof options === "string") {
      await Deno.stdout.write(new TextEncoder().encode(options));
      return 0;
    }
    if (options.debug) configureLogging({ level: "debug" });
    const result = await runShim(options);
    if (result.kind === "exited") return result.code;
    throw new Error(`Cannot go on with container ${options.container}: ${result.reason}`);
  } catch (error) {
    await Deno.stderr.write(new TextEncoder().encode(`podvisor shim: ${messageOf(error)}\n`));
    return 1;
  }
}

async function runShim(options: ShimArguments): Promise<ShimResult> {
  const { url, token, container, reconnect } = options;
  const shim = new Shim({
    url,
    token,
    container,
    interactive: true,
    terminal: Deno.stdin.isTerminal(),
    reconnectTimeout: reconnect * 1000,
  });
  for (const name of FORWARDED) forward(name, shim);
  return await shim.run();
}

function forward(name: string, shim: Shim): void {
  const number = SIGNALS[name]!;
  try {
    Deno.addSignalListener(`SIG${name}` as Deno.Signal, () => {
      shim.signal(number).catch(() => {});
    });
  } catch {
    // The runtime does not know this one: it keeps its own effect.
  }
}

/** The options, or the text that was asked for instead. */
function parseArguments(args: readonly string[]): ShimArguments | string {
  const values = new Map<string, string>();
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [, long, short, given] = /^(?:--([a-z-]+)|-([a-z]))(?:=(.*))?$/s.exec(word) ?? [];
    const name = OPTIONS[long ?? short ?? ""];
    if (name === undefined) throw new Error(`Cannot use argument ${word}: it is unknown`);
    const value = FLAGS.includes(name) ? "" : given ?? rest.shift();
    if (value === undefined) throw new Error(`Cannot use option ${word}: its value is missing`);
    values.set(name, value);
  }
  if (values.has("help")) return USAGE;
  if (values.has("version")) return "podvisor shim, protocol version 2\n";
  const required = (name: string) => {
    const value = values.get(name);
    if (!value) throw new Error(`Cannot start the shim: option --${name} is missing`);
    return value;
  };
  const reconnect = Number(values.get("reconnect-timeout") ?? DEFAULT_RECONNECT);
  if (!Number.isFinite(reconnect)) {
    throw new Error("Cannot use option --reconnect-timeout: it is not a number");
  }
  return {
    container: required("container-id"),
    token: required("token"),
    url: required("uri"),
    reconnect: reconnect > 0 ? reconnect : DEFAULT_RECONNECT,
    debug: values.has("debug"),
  };
}

const FLAGS = ["debug", "version", "help"];
const OPTIONS: Readonly<Record<string, string | undefined>> = {
  "c": "container-id",
  "container-id": "container-id",
  "t": "token",
  "token": "token",
  "u": "uri",
  "uri": "uri",
  "r": "reconnect-timeout",
  "reconnect-timeout": "reconnect-timeout",
  "d": "debug",
  "debug": "debug",
  "v": "version",
  "version": "version",
  "h": "help",
  "help": "help",
};
