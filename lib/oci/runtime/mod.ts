/**
 * The OCI runtime: what container engines ask of `runc`, done with pods. The verbs that must be quick are not here, since
 * their commands load no more than they need: `start`, `state`, `kill`, `delete`.
 */
export { leaveCgroups } from "./cgroups.ts";
export type { RuntimeContext } from "./context.ts";
export { createFromBundle, type CreateOptions } from "./create.ts";
export { type Figures, figuresOf, type RuntimeEvent } from "./events.ts";
export { execProcess, type ExecRequest } from "./exec.ts";
export { listStates } from "./list.ts";
export { pauseContainer, resumeContainer } from "./pause.ts";
export { processesOf } from "./ps.ts";
export { runBundle, type RunOptions } from "./run.ts";
export { lookAt, type RuntimeState, type Standing } from "./state.ts";
export { RuntimeStore } from "./store.ts";
export { updateLimits } from "./update.ts";
