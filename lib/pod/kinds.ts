import { Failure } from "../failure.ts";
import type { GuestBoot, HypervisorKind } from "../hypervisor/mod.ts";
import type { ProxyProgram } from "../proxy/mod.ts";
// Past its room's face, which brings the proxy itself along.
import { startProxy } from "../proxy/start.ts";
import type { ShimProgram } from "../shim/mod.ts";
import { collectChild, identifyProcess } from "../sys/mod.ts";
import { CONSOLE_LOG, POD_LOGS } from "./pod_logs.ts";
import type { PodConfig, ProxyRecord } from "./records.ts";
import type { PodDirectory } from "./store.ts";

/** A pod's proxy: started for it, or somebody else's at this address. */
export type PodProxy = ProxyProgram | { kind: "noop"; url: string };

/** The programs that a pod is made of. */
export interface PodKinds {
  proxy: PodProxy;
  shim: ShimProgram;
  /** `path`: its program; null: the one that is found. */
  hypervisor: { kind: HypervisorKind; path: string | null };
  agent: "hyperstart" | "noop";
}

/** All of podvisor's own, and QEMU. */
export const BUILTIN_KINDS: PodKinds = {
  proxy: { kind: "builtin" },
  shim: { kind: "builtin" },
  hypervisor: { kind: "qemu", path: null },
  agent: "hyperstart",
};

/** The programs of a pod. */
export function kindsOf({ kinds = BUILTIN_KINDS }: Pick<PodConfig, "kinds">): PodKinds {
  return kinds;
}

/** Where a pod's proxy takes connections. */
export function proxyUrl(proxy: PodProxy, directory: PodDirectory): string {
  return proxy.kind === "noop" ? proxy.url : directory.proxyUrl;
}

/** Starts a pod's proxy, if one is to be started. @throws {SysError} @throws {Failure} when its program cannot be */
export function startPodProxy(
  proxy: PodProxy,
  directory: PodDirectory,
  dieWithParent: boolean,
): ProxyRecord {
  const url = proxyUrl(proxy, directory);
  if (proxy.kind === "noop") return { process: null, url };
  const pid = startProxy({
    url,
    dieWithParent,
    program: proxy,
    console: directory.file(CONSOLE_LOG),
    ...(dieWithParent ? {} : { log: directory.file(POD_LOGS.proxy) }),
  });
  const process = identifyProcess(pid);
  if (process) return { process, url, hostsShims: proxy.kind === "builtin" };
  collectChild(pid);
  throw new Failure(`Cannot start the pod's proxy (${proxy.kind}): it ended at once`);
}

/** What is told to the hypervisor of what a pod boots. */
export function bootOf(
  { kernel, guest, kinds }: Pick<PodConfig, "kernel" | "guest" | "kinds">,
): { kind: HypervisorKind; kernel?: string; boot?: GuestBoot; binary?: string } {
  const { kind, path } = kindsOf(kinds ? { kinds } : {}).hypervisor;
  return {
    kind,
    ...(kernel === null ? {} : { kernel }),
    ...(guest && kernel !== null ? { boot: { foreign: true, kernel, ...guest } } : {}),
    ...(path === null ? {} : { binary: path }),
  };
}
