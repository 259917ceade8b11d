/**
 * The proxy protocol: codec, client, and starting a proxy. The server is in `server.ts`: who only talks to one need not
 * load it.
 */

export * from "./frame.ts";
export {
  type AttachVM,
  type IoDescription,
  parseConnectShim,
  parseErrorMessage,
  parseShimTerms,
  parseSignalCommand,
  type RegisterVM,
  type ShimTerms,
  type Signal,
} from "./payloads.ts";
export { ProxyError } from "./proxy_error.ts";
export { parseProxyUrl, type ProxyAddress } from "./url.ts";
export { type ConnectOptions, connectWithRetry, type Dial } from "./connect.ts";
export { type Connection, connectionPair } from "./connection.ts";
export {
  type HostingProxy,
  type ServedShim,
  ShimCommand,
  type ShimHost,
  type ShimHostMaker,
} from "./shim_host.ts";
export { type CommandOptions, ProxyClient } from "./client.ts";
export { TimeoutError, within } from "./deadline.ts";
export { releaseToken } from "./release_token.ts";
export { FrameReader } from "./frame_reader.ts";
export { BufferPool } from "./buffer_pool.ts";
export { isToken } from "./token.ts";
export { writeAll } from "./write_all.ts";
export { Turn } from "./turn.ts";
export { DEFAULT_LIMITS, type ProxyLimits } from "./limits.ts";
export { type ProxyProgram, startProxy, type StartProxyOptions } from "./start.ts";
