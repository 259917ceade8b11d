import { identifyProcess, type ProcessIdentity } from "../../sys/mod.ts";
import type { EngineSpec, SpecNamespace } from "./engine_spec.ts";
import type { RuntimeRecord } from "./record.ts";
import type { RuntimeStore } from "./store.ts";

/** Keys by which engines tell a sandbox and the containers in it: containerd's CRI, and CRI-O, which podman follows. */
const TYPE_KEYS = ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"];
const SANDBOX_KEYS = ["io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID"];
/** Namespaces that say that a container is in the pod of another one. */
const SHARED = ["network", "ipc", "uts"];

/**
 * Finds the sandbox whose pod a container joins: by the annotations of its engine, or by the process whose namespaces it
 * is to join, when that is the shim of a container here.
 *
 * @returns nothing for a container that has a pod of its own
 * @throws {Failure} when the sandbox that it names is not there
 */
export async function findSandbox(
  store: RuntimeStore,
  id: string,
  { annotations = {}, linux = {} }: EngineSpec,
): Promise<RuntimeRecord | undefined> {
  const type = firstOf(annotations, TYPE_KEYS);
  const sandbox = firstOf(annotations, SANDBOX_KEYS);
  // Newer versions of podman name the sandbox, and leave out what the container is.
  if (type !== "sandbox" && sandbox !== undefined && sandbox !== id) {
    return await store.read(sandbox);
  }
  if (type === "sandbox") return undefined;
  return await findByNamespaces(store, linux.namespaces ?? []);
}

function firstOf(
  annotations: Readonly<Record<string, string>>,
  keys: readonly string[],
): string | undefined {
  return keys.map((key) => annotations[key]).find((value) => value !== undefined && value !== "");
}

async function findByNamespaces(
  store: RuntimeStore,
  namespaces: readonly SpecNamespace[],
): Promise<RuntimeRecord | undefined> {
  const processes = namespaces
    .filter(({ type }) => SHARED.includes(type))
    .flatMap(({ path = "" }) => /^\/proc\/(\d+)\/ns\//.exec(path)?.[1] ?? [])
    .flatMap((pid) => identifyProcess(Number(pid)) ?? []);
  if (processes.length === 0) return undefined;
  for (const id of await store.list()) {
    const record = await store.find(id);
    if (record?.process && processes.some((each) => isSame(each, record.process!))) return record;
  }
  return undefined;
}

function isSame(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return one.pid === other.pid && one.startTime === other.startTime;
}
