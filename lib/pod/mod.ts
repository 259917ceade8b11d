/** Pods and their containers: life, records, clean-up. */
export { collectGarbage, type Leftover } from "./collect_garbage.ts";
export { checkName, makeName } from "./identifier.ts";
export { attachSocket, logFile, type ShimPlace, type ShimStarter } from "./give_shim.ts";
export { isServed } from "./shims.ts";
export { listContainers, listPods, type PodSummary } from "./list_pods.ts";
export { BUILTIN_KINDS, kindsOf, type PodKinds, type PodProxy } from "./kinds.ts";
export { type LoadedPod, loadPod } from "./load_pod.ts";
export { type PodLogLine, readPodLogs } from "./pod_logs.ts";
export * from "./records.ts";
export { runOnce, type RunOnceOptions } from "./run_once.ts";
export { keepSpare, type SpareRequest } from "./spares/keep_spare.ts";
export { collectSpares } from "./spares/collect_spares.ts";
export { makeTemplate, type TemplateRequest } from "./templates/make_template.ts";
export { canMove, checkMove, type LifeState } from "./state_machine.ts";
export { PodDirectory, PodStore } from "./store.ts";
export { Undo } from "./undo.ts";
export type { PodTools } from "./tools.ts";
export type { InterfaceView, NetworkView } from "./network/describe_network.ts";
export { addNetwork, type NetworkAddition } from "./verbs/add_network.ts";
export { createContainer } from "./verbs/create_container.ts";
export { createPod } from "./verbs/create_pod.ts";
export {
  execInContainer,
  type ExecOptions,
  startExec,
  type StartExecOptions,
} from "./verbs/exec_container.ts";
export { containerCounters } from "./verbs/container_counters.ts";
export { freezeContainer, thawContainer } from "./verbs/freeze_container.ts";
export { findContainer, findPodOf } from "./verbs/find_container.ts";
export { holdContainer } from "./verbs/hold_container.ts";
export { killContainer } from "./verbs/kill_container.ts";
export { listNetwork } from "./verbs/list_network.ts";
export { listProcesses } from "./verbs/list_processes.ts";
export { pausePod, resumePod } from "./verbs/pause_pod.ts";
export { removeContainer } from "./verbs/remove_container.ts";
export { type NetworkRemoval, removeNetwork } from "./verbs/remove_network.ts";
export { removePod } from "./verbs/remove_pod.ts";
export { startContainer } from "./verbs/start_container.ts";
export { startPod } from "./verbs/start_pod.ts";
export { stopContainer } from "./verbs/stop_container.ts";
export { stopPod } from "./verbs/stop_pod.ts";
export { updateContainer } from "./verbs/update_container.ts";
export { type PodGrowth, updatePod } from "./verbs/update_pod.ts";
export { waitForContainer } from "./verbs/wait_container.ts";
