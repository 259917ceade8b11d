import type { PodConfig, PodTools } from "../../pod/mod.ts";
import type { RuntimeStore } from "./store.ts";

/** What tells how a container is. */
export interface LookContext {
  store: RuntimeStore;
  tools: Pick<PodTools, "store">;
}

/** What changes a container that is there. */
export interface VerbContext extends LookContext {
  /** What the making of VMs comes along with: loaded where it is needed. */
  allTools(): Promise<PodTools>;
}

/** What makes containers. */
export interface RuntimeContext extends VerbContext {
  tools: PodTools;
  /** What a pod is when its container says nothing else. */
  defaults: PodConfig;
  /** Names of the `io.podvisor.…` annotations that hold. */
  allowedAnnotations: readonly string[];
}
