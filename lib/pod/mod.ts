/** Pods and their containers: life, records, clean-up. */
export { collectGarbage, type Leftover } from "./collect_garbage.ts";
export { checkName, makeName } from "./identifier.ts";
export * from "./records.ts";
export { runOnce, type RunOnceOptions } from "./run_once.ts";
export { canMove, checkMove, type LifeState } from "./state_machine.ts";
export { PodDirectory, PodStore } from "./store.ts";
