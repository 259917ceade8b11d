import { basename, dirname, join } from "@std/path";
import { BoundedFile } from "../bounded_file.ts";
import { configureLogging, getLogger, LOG_LEVELS, type LogLevel } from "../log.ts";
import { messageOf } from "../failure.ts";
import { ProxyServer } from "./server.ts";
import type { ShimHostMaker } from "./shim_host.ts";
import { socketPathOf } from "./url.ts";

const DEFAULT_SOCKET = "/var/run/cc-oci-runtime/proxy.sock";
const OPTIONS_WITH_VALUE = [
  "uri",
  "socket-path",
  "log",
  "log-format",
  "log-file",
  "console",
  "ksm",
  "pprof-host",
  "pprof-port",
];
const FLAGS = ["pprof", "version", "help"];
const USAGE = `Usage: podvisor proxy [options]

  -uri unix://PATH      serve one pod on this socket, and end with it
  -socket-path PATH     listen on this socket instead
  -log LEVEL            debug, info, warn (default) or error
  -log-format FORMAT    text (default) or json
  -log-file FILE        append the log to a file instead of stderr
  -console FILE         keep this file small, which a guest's console is written to
  -version              print the version
  -ksm, -pprof, -pprof-host, -pprof-port   accepted for cc-proxy's sake, without effect
`;

/**
 * `podvisor proxy`, with cc-proxy's options (cc-proxy-protocol 1), each with one dash or two. It is ready when its
 * socket accepts connections.
 *
 * @param shimHost what serves shims that are handed over
 * @returns the exit code
 */
export async function proxyMain(
  args: readonly string[],
  shimHost?: ShimHostMaker,
): Promise<number> {
  const log = getLogger("proxy");
  try {
    const options = parseOptions(args);
    if (options.has("help")) return print(USAGE);
    if (options.has("version")) return print(`podvisor proxy, protocol version 2\n`);
    configureLog(options);
    for (const name of ["ksm", "pprof"]) {
      if (options.has(name)) log.debug("Option has no effect", { option: name });
    }
    const uri = options.get("uri");
    const path = options.get("socket-path") ?? (uri ? socketPathOf(uri) : DEFAULT_SOCKET);
    const server = new ProxyServer({ path, onePod: uri !== undefined, shimHost });
    const console = options.get("console");
    // Later than what the pod's start waits for.
    if (console !== undefined) server.registered.then(() => boundConsole(console, server));
    const stopped = Promise.withResolvers<void>();
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      Deno.addSignalListener(signal, stopped.resolve);
    }
    // The pod's terminal may go away; the pod does not.
    Deno.addSignalListener("SIGHUP", () => {});
    await Promise.race([server.finished, stopped.promise]);
    await server.close();
    return 0;
  } catch (error) {
    log.error(messageOf(error));
    await writeText(Deno.stderr, `podvisor proxy: ${messageOf(error)}\n`);
    return 1;
  }
}

/** One beside the socket goes where the socket goes. */
function boundConsole(path: string, server: ProxyServer): void {
  const isBeside = dirname(path) === dirname(server.path);
  new BoundedFile(() => isBeside ? join(dirname(server.path), basename(path)) : path);
}

function parseOptions(args: readonly string[]): Map<string, string> {
  const options = new Map<string, string>();
  for (let index = 0; index < args.length; index++) {
    const [, name = "", value] = /^--?([a-z][a-z-]*)(?:=(.*))?$/s.exec(args[index]!) ?? [];
    if (FLAGS.includes(name)) options.set(name, value ?? "true");
    else if (OPTIONS_WITH_VALUE.includes(name)) {
      const given = value ?? args[++index];
      if (given === undefined) throw new Error(`Cannot use option -${name}: its value is missing`);
      options.set(name, given);
    } else throw new Error(`Cannot use argument ${args[index]}: it is unknown`);
  }
  return options;
}

function configureLog(options: ReadonlyMap<string, string>): void {
  const level = Deno.env.get("CC_PROXY_LOG_LEVEL") || (options.get("log") ?? "warn");
  if (!(LOG_LEVELS as readonly string[]).includes(level)) {
    throw new Error(`Cannot use log level ${level}: it is not one of ${LOG_LEVELS.join(", ")}`);
  }
  const format = options.get("log-format") ?? "text";
  if (format !== "text" && format !== "json") {
    throw new Error(`Cannot use log format ${format}: it is neither text nor json`);
  }
  const file = options.get("log-file");
  configureLogging({ level: level as LogLevel, format, ...(file === undefined ? {} : { file }) });
}

async function print(text: string): Promise<number> {
  await writeText(Deno.stdout, text);
  return 0;
}

async function writeText(to: { write(bytes: Uint8Array): Promise<number> }, text: string) {
  await to.write(new TextEncoder().encode(text));
}
