import { Failure } from "../../failure.ts";
import { getLogger } from "../../log.ts";
import type { NetworkConfig } from "../../pod/mod.ts";
import { type Fd, isAlive, newNetworkNamespace, openNetworkNamespace } from "../../sys/mod.ts";
import type { EngineSpec } from "./engine_spec.ts";
import type { RuntimeRecord } from "./record.ts";

/** How a pod is joined to the network, and the namespace that its containers' shims stand in. */
export interface EngineNetwork extends Disposable {
  config: NetworkConfig;
  /** Nothing: the host's own. */
  namespace?: Fd;
}

/**
 * The network that a bundle asks for: the namespace that its engine has prepared is the pod's. A new one is empty: the
 * shim is in it, so that an engine which goes on to work on it does so there and not on the host.
 *
 * @param sandbox whose pod the container joins: its shim is where that one's is
 * @throws {Failure} when a namespace cannot be opened, or the sandbox has ended
 */
export function engineNetwork(
  { linux = {} }: EngineSpec,
  sandbox: RuntimeRecord | undefined,
): EngineNetwork {
  if (sandbox) return inside({ kind: "none" }, namespaceOf(sandbox));
  const wanted = linux.namespaces?.find(({ type }) => type === "network");
  const isHost = wanted === undefined || wanted.path !== undefined && isOwn(wanted.path);
  if (isHost) {
    getLogger("oci").warn("a VM cannot have the host's network: it is behind QEMU's gateway");
    return { config: { kind: "user", ports: [] }, [Symbol.dispose]: () => {} };
  }
  const { path } = wanted;
  if (!path) return inside({ kind: "none" }, newNetworkNamespace());
  return inside({ kind: "netns", path, model: "tcfilter" }, openNetworkNamespace(path));
}

function inside(config: NetworkConfig, namespace: Fd): EngineNetwork {
  return { config, namespace, [Symbol.dispose]: () => namespace.close() };
}

function namespaceOf({ id, process }: RuntimeRecord): Fd {
  if (process && isAlive(process)) return openNetworkNamespace(`/proc/${process.pid}/ns/net`);
  throw new Failure(`Cannot join the pod of the container ${id}: it is not running`);
}

function isOwn(path: string): boolean {
  const own = Deno.statSync("/proc/self/ns/net");
  const other = Deno.statSync(path);
  return own.ino === other.ino && own.dev === other.dev;
}
