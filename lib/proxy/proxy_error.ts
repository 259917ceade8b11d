/** The proxy refused a command; the message is the proxy's own text. */
export class ProxyError extends Error {
  override readonly name = "ProxyError";
}
