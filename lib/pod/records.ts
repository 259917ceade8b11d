import type { Command, CpuLimits } from "../agent/mod.ts";
import type { ProcessIdentity } from "../sys/mod.ts";
import type { LifeState } from "./state_machine.ts";

/** How a pod is joined to the network. */
export type NetworkConfig = { kind: "none" } | { kind: "user" };

/** What a pod was asked to be. */
export interface PodConfig {
  hostname: string;
  memoryMiB: number;
  vcpus: number;
  network: NetworkConfig;
  /** Kernel to boot in place of the host's own. */
  kernel: string | null;
}

/** A pod as it stands on disk (`pod.json`). */
export interface PodRecord {
  version: 1;
  id: string;
  /** When it was made: RFC 3339, UTC. */
  created: string;
  state: LifeState;
  /** Why it stopped, when nobody asked it to. */
  reason: string | null;
  /** The command that the pod is to end with; null for a pod that lives until it is removed. */
  owner: ProcessIdentity | null;
  config: PodConfig;
  vm: VmRecord | null;
  proxy: ProxyRecord | null;
}

/** The VM of a pod. */
export interface VmRecord {
  process: ProcessIdentity;
  accelerator: "kvm" | "tcg";
}

/** The proxy of a pod; without a process when somebody else runs it. */
export interface ProxyRecord {
  process: ProcessIdentity | null;
  url: string;
}

/** A host directory or file that a container sees. */
export interface VolumeConfig {
  source: string;
  destination: string;
  readOnly: boolean;
}

/**
 * Where a container's root file system comes from: a host directory that the container writes to, or one that stays as
 * it is under a layer of the container's own.
 */
export type RootConfig = { kind: "directory"; path: string } | { kind: "overlay"; lower: string };

/** What a container was asked to be. */
export interface ContainerConfig {
  root: RootConfig;
  readOnlyRoot: boolean;
  command: Command;
  volumes: VolumeConfig[];
  cpu: CpuLimits;
  shmSize: number;
}

/** A container as it stands on disk (`containers/<id>/container.json`). */
export interface ContainerRecord {
  version: 1;
  id: string;
  pod: string;
  created: string;
  state: LifeState;
  reason: string | null;
  config: ContainerConfig;
  /** What opens its streams at the proxy; null when it has none prepared. */
  token: string | null;
  /** The process that has its streams. */
  shim: ProcessIdentity | null;
  /** How it ended. */
  exit: { code: number; finished: string } | null;
}

/** The record of a container that has just been made. */
export function newContainer(id: string, pod: string, config: ContainerConfig): ContainerRecord {
  return {
    version: 1,
    id,
    pod,
    created: new Date().toISOString(),
    state: "ready",
    reason: null,
    config,
    token: null,
    shim: null,
    exit: null,
  };
}
