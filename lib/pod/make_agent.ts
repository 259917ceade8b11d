import { type Agent, HyperstartAgent, NoopAgent, type SocketPaths } from "../agent/mod.ts";
import { kindsOf } from "./kinds.ts";
import type { PodRecord } from "./records.ts";
import type { PodDirectory } from "./store.ts";

/**
 * The driver of a pod's guest.
 *
 * @param proxy the proxy's address
 * @param signal ends what it has under way
 */
export function makeAgent(
  { id, config }: PodRecord,
  directory: PodDirectory,
  proxy: string,
  signal?: AbortSignal,
): Agent {
  const agent = kindsOf(config).agent === "noop"
    ? new NoopAgent()
    : new HyperstartAgent({ pod: id, proxy, ...(signal ? { signal } : {}) });
  agent.init({ directory: directory.path, sockets: socketsOf(id, config.sockets) });
  return agent;
}

/** In what the configuration says `{pod}` stands for the pod's name. */
function socketsOf(id: string, sockets: Partial<SocketPaths> = {}): Partial<SocketPaths> {
  const entries = Object.entries(sockets).map(([key, path]) => [key, path.replaceAll("{pod}", id)]);
  return Object.fromEntries(entries);
}
