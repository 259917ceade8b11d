import type { CapabilityLists } from "../agent/mod.ts";
import type { Hooks } from "./hooks.ts";
import type { SpecSeccomp } from "./seccomp/mod.ts";

/*
 * config.json as far as it is honoured (runtime-spec 1.1, config.md and config-linux.md). Every key may be absent;
 * `support.ts` says what becomes of those that are not here.
 */

export interface Spec {
  ociVersion?: string;
  process?: SpecProcess;
  root?: { path?: string; readonly?: boolean };
  hostname?: string;
  domainname?: string;
  mounts?: SpecMount[];
  hooks?: Hooks;
  annotations?: Record<string, string>;
  linux?: SpecLinux;
}

export interface SpecProcess {
  terminal?: boolean;
  consoleSize?: { height?: number; width?: number };
  user?: { uid?: number; gid?: number; umask?: number; additionalGids?: number[] };
  args?: string[];
  env?: string[];
  cwd?: string;
  capabilities?: Partial<CapabilityLists>;
  rlimits?: { type: string; hard: number; soft: number }[];
  noNewPrivileges?: boolean;
  oomScoreAdj?: number;
  ioPriority?: { class?: string; priority?: number };
  scheduler?: SpecScheduler;
}

export interface SpecScheduler {
  policy?: string;
  nice?: number;
  priority?: number;
  flags?: string[];
  runtime?: number;
  deadline?: number;
  period?: number;
}

export interface SpecMount {
  destination?: string;
  type?: string;
  source?: string;
  options?: string[];
  uidMappings?: unknown[];
  gidMappings?: unknown[];
}

export interface SpecLinux {
  namespaces?: SpecNamespace[];
  uidMappings?: SpecMapping[];
  gidMappings?: SpecMapping[];
  timeOffsets?: Record<string, { secs?: number; nanosecs?: number }>;
  devices?: SpecDevice[];
  sysctl?: Record<string, string>;
  resources?: SpecResources;
  cgroupsPath?: string;
  rootfsPropagation?: string;
  seccomp?: SpecSeccomp;
  maskedPaths?: string[];
  readonlyPaths?: string[];
  personality?: { domain?: string; flags?: string[] };
}

export interface SpecNamespace {
  type?: string;
  path?: string;
}

export interface SpecMapping {
  containerID?: number;
  hostID?: number;
  size?: number;
}

export interface SpecDevice {
  type?: string;
  path?: string;
  major?: number;
  minor?: number;
  fileMode?: number;
  uid?: number;
  gid?: number;
}

export interface SpecDeviceRule {
  allow?: boolean;
  type?: string;
  major?: number;
  minor?: number;
  access?: string;
}

export interface SpecResources {
  devices?: SpecDeviceRule[];
  cpu?: {
    shares?: number;
    quota?: number;
    period?: number;
    burst?: number;
    cpus?: string;
    mems?: string;
    idle?: number;
  };
  memory?: { limit?: number; reservation?: number; swap?: number };
  pids?: { limit?: number };
  hugepageLimits?: { pageSize?: string; limit?: number }[];
  blockIO?: { weight?: number };
  unified?: Record<string, string>;
}
