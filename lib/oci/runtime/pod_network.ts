import { Failure } from "../../failure.ts";
import { getLogger } from "../../log.ts";
import type { NetworkConfig } from "../../pod/mod.ts";
import { type Fd, isAlive, makeNetworkNamespace, openNetworkNamespace } from "../../sys/mod.ts";
import type { EngineSpec, SpecNamespace } from "./engine_spec.ts";
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
 * @param own path at which a new namespace is to live on
 * @param sandbox whose pod the container joins: its shim is where that one's is
 * @throws {Failure} when a namespace cannot be opened, or the sandbox has ended
 */
export function engineNetwork(
  spec: EngineSpec,
  own: string,
  sandbox: RuntimeRecord | undefined,
): EngineNetwork {
  if (sandbox) return inside({ kind: "none" }, namespaceOf(sandbox));
  const wanted = networkOf(spec);
  const isHost = wanted === undefined || wanted.path !== undefined && isOwn(wanted.path);
  if (isHost) {
    getLogger("oci").warn("a VM cannot have the host's network: it is behind QEMU's gateway");
    return { config: { kind: "user", ports: [] }, [Symbol.dispose]: () => {} };
  }
  if (!wanted.path) makeNetworkNamespace(own);
  const path = wanted.path || own;
  return inside({ kind: "netns", path, model: "tcfilter" }, openNetworkNamespace(path));
}

/** Whether a bundle wants a network namespace that nobody has made for it. */
export function wantsOwnNetwork(spec: EngineSpec): boolean {
  const wanted = networkOf(spec);
  return wanted !== undefined && !wanted.path;
}

function networkOf({ linux = {} }: EngineSpec): SpecNamespace | undefined {
  return linux.namespaces?.find(({ type }) => type === "network");
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
