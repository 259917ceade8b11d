import { Failure } from "../../failure.ts";
import type { ContainerRecord, LoadedPod } from "../../pod/mod.ts";
// Past its room's face, which brings the making of VMs along: engines ask for the state again and again.
import { loadPod } from "../../pod/load_pod.ts";
import { isAlive } from "../../sys/mod.ts";
import { OCI_VERSION } from "../version.ts";
import type { LookContext } from "./context.ts";
import type { RuntimeRecord } from "./record.ts";

export type RuntimeStatus = "creating" | "created" | "running" | "paused" | "stopped";

/** The state of a container (runtime-spec 1.1, runtime.md, "State"), with what runc adds. */
export interface RuntimeState {
  ociVersion: string;
  id: string;
  /** The shim; 0 when it has stopped. */
  pid: number;
  status: RuntimeStatus;
  bundle: string;
  rootfs: string;
  created: string;
  annotations?: Record<string, string>;
  owner: string;
}

/** A container as it is now: its record, and what its pod knows of it, if that is there. */
export interface Standing {
  record: RuntimeRecord;
  status: RuntimeStatus;
  loaded?: LoadedPod;
  container?: ContainerRecord;
}

const STATUS = {
  ready: "created",
  running: "running",
  paused: "paused",
  stopped: "stopped",
} as const;

/** Finds out how a container is. @throws {Failure} when there is none of that id */
export async function lookAt({ store, tools }: LookContext, id: string): Promise<Standing> {
  const record = await store.read(id);
  if (record.maker) return { record, status: isAlive(record.maker) ? "creating" : "stopped" };
  let loaded: LoadedPod;
  try {
    loaded = await loadPod(tools.store, record.pod);
  } catch (error) {
    // Somebody has removed the pod: podvisor pod rm.
    if (error instanceof Failure) return { record, status: "stopped" };
    throw error;
  }
  const container = loaded.containers.find((each) => each.id === record.container);
  if (!container) return { record, status: "stopped", loaded };
  return { record, status: STATUS[container.state], loaded, container };
}

/** The state as engines read it. */
export function describeState({ record, status }: Standing): RuntimeState {
  const { id, bundle, rootfs, created, annotations, process } = record;
  return {
    ociVersion: OCI_VERSION,
    id,
    pid: status === "stopped" ? 0 : process?.pid ?? 0,
    status,
    bundle,
    rootfs,
    created,
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    owner: "",
  };
}
