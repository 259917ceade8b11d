import { getLogger, type Logger } from "../log.ts";
import type { Connection } from "./connection.ts";
import { messageOf } from "../failure.ts";
import { addressText, parseProxyUrl, type ProxyAddress } from "./url.ts";

/** How to connect to a proxy that may still be starting. */
export interface ConnectOptions {
  /** Milliseconds to keep trying. Default 5000. */
  timeout?: number;
  /** Ends the trying with its reason. */
  signal?: AbortSignal;
  logger?: Logger;
}

/** A way to a proxy: to its socket, or within its process. */
export type Dial = (options: ConnectOptions) => Promise<Connection>;

const DEFAULT_TIMEOUT = 5000;
/** Between tries: a part of the time that has passed, so that little is lost when the proxy has just come up. */
const SHORTEST_PAUSE = 1, LONGEST_PAUSE = 100, PAUSE_SHARE = 1 / 16;
const LOG_INTERVAL = 1000;

/**
 * Connects to a proxy, trying again while nobody listens at its address: at first every millisecond, later less often,
 * at most 100 ms apart. Any other failure ends it at once.
 *
 * @throws {TypeError} for a URL that is malformed
 * @throws {Error} `failed to connect to proxy after <time>: <cause>`, or at once `Cannot connect to the proxy at …`
 */
export async function connectWithRetry(
  url: string,
  options: ConnectOptions = {},
): Promise<Deno.Conn> {
  const { timeout = DEFAULT_TIMEOUT, signal, logger = getLogger("proxy") } = options;
  const address = parseProxyUrl(url);
  const fields = { "proxy-network": address.transport, "proxy-address": addressText(address) };
  const start = performance.now();
  let lastLog = start;
  for (let attempt = 1;; attempt++) {
    signal?.throwIfAborted();
    const elapsed = performance.now() - start;
    const remaining = timeout - elapsed;
    const pause = Math.min(Math.max(elapsed * PAUSE_SHARE, SHORTEST_PAUSE), LONGEST_PAUSE);
    try {
      const connection = await dial(address, Math.max(remaining, 1), signal);
      if (attempt > 1) logger.info("Connected to proxy", { attempt, ...fields });
      return connection;
    } catch (cause) {
      signal?.throwIfAborted();
      if (!isTransient(cause)) {
        throw new Error(`Cannot connect to the proxy at ${url}: ${messageOf(cause)}`, { cause });
      }
      if (remaining <= pause) {
        const message = `failed to connect to proxy after ${timeout / 1000}s: ${messageOf(cause)}`;
        throw new Error(message, { cause });
      }
    }
    const now = performance.now();
    if (now - lastLog >= LOG_INTERVAL) {
      lastLog = now;
      const seconds = ((timeout - (now - start)) / 1000).toFixed(2);
      logger.warn("Retrying proxy connection", {
        attempt,
        ...fields,
        "remaining-time-secs": seconds,
      });
    }
    await sleep(pause, signal);
  }
}

/** A socket that is not there yet, that nobody accepts on yet, or whose queue of connections is full. */
function isTransient(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound ||
    error instanceof Deno.errors.ConnectionRefused ||
    error instanceof Deno.errors.WouldBlock;
}

/** One try, which may not take longer than `timeout` milliseconds. */
async function dial(
  address: ProxyAddress,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<Deno.Conn> {
  if (address.transport === "unix") return await Deno.connect(address);
  const deadline = AbortSignal.timeout(timeout);
  return await Deno.connect({
    ...address,
    signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
  });
}

/** Waits, but no longer than until `signal` aborts. */
function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", wake);
      resolve();
    };
    const timer = setTimeout(wake, milliseconds);
    signal?.addEventListener("abort", wake);
  });
}
