import {
  dialectOfVersion,
  type GuestDialect,
  isCDialect,
  MAX_CONTROL_MESSAGE,
} from "../../hyperstart/mod.ts";
import type { CommandOptions, IoDescription, ProxyClient } from "../../proxy/mod.ts";
// Past its room's face, which brings the proxy itself along.
import { ProxyError } from "../../proxy/proxy_error.ts";

/** A connection that is attached to a VM, and what is known of what lies behind it. */
export interface GuestLink {
  client: ProxyClient;
  dialect: GuestDialect;
  /** What a guest says that it can do, and others need not. */
  features: readonly string[];
  /** Longest control message, in bytes with its header. */
  maxMessage: number;
  /** Whether the proxy leaves newcontainer as it is; cc-proxy adds keys that C hyperstart refuses. */
  faithful: boolean;
  /** Microseconds by which the guest's clock is behind the host's; 0 where it is not known. */
  clockOffset: number;
}

/**
 * Finds out which guest is behind a proxy. The built-in proxy tells of podvisor's own guest and of C hyperstart; behind
 * any other, and for the Go agent, GETVERSION does (seed-walkthrough 4, 28).
 *
 * @param io what the proxy answered to RegisterVM or AttachVM
 * @param maxMessage what the guest takes when it does not say; default: what the original proxies let through
 */
export async function describeLink(
  client: ProxyClient,
  io: IoDescription,
  options: CommandOptions,
  maxMessage = MAX_CONTROL_MESSAGE,
): Promise<GuestLink> {
  const { guest, clockOffset = 0 } = io;
  const link = { client, features: [], maxMessage, faithful: true, clockOffset };
  if (guest) {
    const { features, maxMessage } = guest;
    return { ...link, dialect: "builtin", features, maxMessage };
  }
  if (io.dialect) return { ...link, dialect: io.dialect };
  const dialect = await probe(client, options);
  return { ...link, dialect, faithful: !isCDialect(dialect) };
}

async function probe(client: ProxyClient, options: CommandOptions): Promise<GuestDialect> {
  try {
    return dialectOfVersion(await client.hyper("version", [], undefined, options));
  } catch (error) {
    if (error instanceof ProxyError) return "go";
    throw error;
  }
}
