/** Where a proxy listens. */
export type ProxyAddress =
  | { transport: "unix"; path: string }
  | { transport: "tcp"; hostname: string; port: number };

const SHAPE = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)(\/.*)?$/i;

/**
 * Reads `unix:///path` or `tcp://host:port`. The path of a Unix URL is taken as it stands, without any decoding, and
 * must be absolute.
 */
export function parseProxyUrl(url: string): ProxyAddress {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(url)) throw new TypeError("URL scheme cannot be empty");
  const [, scheme = "", host = "", path = ""] = SHAPE.exec(url) ?? [];
  if (host === "" && path === "") throw new TypeError("URL host and path cannot be empty");
  if (scheme.toLowerCase() === "unix") {
    if (host !== "") {
      throw new TypeError(`Cannot use the proxy URL ${url}: its path is not absolute`);
    }
    return { transport: "unix", path };
  }
  if (scheme.toLowerCase() !== "tcp") {
    throw new TypeError(`Cannot use the proxy URL ${url}: its scheme is neither unix nor tcp`);
  }
  const [, hostname, digits] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(host) ?? [];
  const port = Number(digits);
  if (hostname === undefined || !(port >= 1 && port <= 65535) || path.length > 1) {
    throw new TypeError(`Cannot use the proxy URL ${url}: it is not of the form tcp://host:port`);
  }
  return { transport: "tcp", hostname: hostname.replace(/^\[|\]$/g, ""), port };
}

/** The path of a socket to listen on. @throws {Error} for an address that is none */
export function socketPathOf(url: string): string {
  const address = parseProxyUrl(url);
  if (address.transport === "unix") return address.path;
  throw new Error(`Cannot listen on ${url}: only Unix sockets are served`);
}

/** The address without its scheme, for logs. */
export function addressText(address: ProxyAddress): string {
  return address.transport === "unix" ? address.path : `${address.hostname}:${address.port}`;
}
