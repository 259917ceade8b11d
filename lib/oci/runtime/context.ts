import type { PodConfig, PodTools } from "../../pod/mod.ts";
import type { RuntimeStore } from "./store.ts";

/** What tells how a container is. */
export interface LookContext {
  store: RuntimeStore;
  tools: Pick<PodTools, "store">;
}

/** What a runtime's verbs work with. */
export interface RuntimeContext extends LookContext {
  tools: PodTools;
  /** What a pod is when its container says nothing else. */
  defaults: PodConfig;
  /** Names of the `io.podvisor.…` annotations that hold. */
  allowedAnnotations: readonly string[];
}
