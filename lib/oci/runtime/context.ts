import type { PodConfig, PodTools } from "../../pod/mod.ts";
import type { RuntimeStore } from "./store.ts";

/** What a runtime's verbs work with. */
export interface RuntimeContext {
  store: RuntimeStore;
  tools: PodTools;
  /** What a pod is when its container says nothing else. */
  defaults: PodConfig;
  /** Names of the `io.podvisor.…` annotations that hold. */
  allowedAnnotations: readonly string[];
}
