import { messageOf } from "../failure.ts";
import { configureLogging, flushLog, getLogger, keptLog } from "../log.ts";
import { Fd, SIGNALS } from "../sys/mod.ts";
import { recordExit } from "./exit_status.ts";
import { readShimArguments, type ShimArguments } from "./options.ts";
import { findGate, showProcesses } from "./show_processes.ts";
import { Shim, type ShimResult } from "./shim.ts";

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
      --token-fd N               read the token from this descriptor instead
  -u, --uri URI                  the proxy: unix:///path or tcp://host:port
  -r, --reconnect-timeout SECS   how long to look for a lost proxy (default 10)
  -d, --debug                    log more
      --terminal                 the process has a terminal
      --log FILE                 serve in the background, the output goes to FILE
      --log-size BYTES           put the log file aside at this size (default 10 MiB)
      --exit FILE                leave the exit status in FILE
      --pod POD                  ask this pod's guest whether the process was killed for lack of memory
      --oom FILE                 make FILE if it was
      --memory-group DIR         tell those who watch this control group on the host then
      --show-processes           show the pod's guest's processes at /proc to who joins its mount namespace
      --attach SOCKET            let others attach on SOCKET
      --diagnostics FILE         log to FILE in JSON, so that stderr is the process's alone
      --program PATH             let cc-shim at PATH carry the streams
  -v, --version                  print the version
  -h, --help                     print this
`;

/** What an engine takes for the exit code of a process whose true one nobody knows, as when the kernel kills it. */
const EXIT_OF_LOST = 137;

/**
 * `podvisor shim`, with cc-shim's options (cc-proxy-protocol 8): carries a process's streams, forwards signals to it
 * and ends with its exit code, or with 1 when the proxy is lost or refuses the token.
 *
 * @returns the exit code
 */
export async function shimMain(args: readonly string[]): Promise<number> {
  try {
    const options = readShimArguments(args);
    if (options === "help") return await print(USAGE);
    if (options === "version") return await print("podvisor shim, protocol version 2\n");
    if (options.diagnostics !== undefined) configureLogging(keptLog(options.diagnostics));
    if (options.debug) configureLogging({ level: "debug" });
    const result = await runShim(options);
    if (result.kind === "exited") return result.code;
    const lost = `Cannot go on with container ${options.container}: ${result.reason}`;
    if (options.diagnostics === undefined) throw new Error(lost);
    getLogger("shim").error(lost);
    return EXIT_OF_LOST;
  } catch (error) {
    const text = new TextEncoder().encode(`podvisor shim: ${messageOf(error)}\n`);
    await Deno.stderr.write(text).catch(() => {});
    return 1;
  } finally {
    await flushLog();
  }
}

async function runShim({ log, program, ...given }: ShimArguments): Promise<ShimResult> {
  const options = { ...given, token: takeToken(given.token) };
  if (log !== undefined && program !== undefined) {
    const { serveForeignDetached } = await import("./foreign_detached.ts");
    return await serveForeignDetached({ ...options, log, program });
  }
  if (log !== undefined) {
    const { serveDetached } = await import("./detached.ts");
    return await serveDetached({ ...options, log });
  }
  const { url, token, container, reconnectTimeout } = options;
  const terminal = options.terminal || Deno.stdin.isTerminal();
  const gate = options.showProcesses ? findGate() : undefined;
  const shim = new Shim({
    ...{ url, token, container, reconnectTimeout, interactive: true, terminal },
    onConnected: () => {
      const { pod } = options;
      if (gate && pod !== undefined) void showProcesses(gate, { url, container, pod });
    },
  });
  for (const name of FORWARDED) forward(name, shim);
  const result = await shim.run();
  gate?.release();
  if (result.kind === "exited") await recordExit(options, result.code);
  return result;
}

function takeToken(token: ShimArguments["token"]): string {
  if (typeof token === "string") return token;
  using descriptor = new Fd(token.descriptor);
  return Deno.readTextFileSync(`/proc/self/fd/${descriptor.number}`);
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

async function print(text: string): Promise<number> {
  await Deno.stdout.write(new TextEncoder().encode(text));
  return 0;
}
