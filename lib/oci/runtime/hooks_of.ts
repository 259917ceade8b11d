import { type HookPhase, type OciState, runHooks } from "../hooks.ts";
import { OCI_VERSION } from "../version.ts";
import type { RuntimeRecord } from "./record.ts";

/**
 * Runs a container's hooks of some points of its life, in their order.
 *
 * @throws {Failure} naming the one that fails, where that ends the container
 */
export async function runHooksFor(
  { id, bundle, annotations, process, hooks }: RuntimeRecord,
  status: OciState["status"],
  phases: readonly HookPhase[],
): Promise<void> {
  const state: OciState = {
    ociVersion: OCI_VERSION,
    id,
    status,
    ...(process && status !== "stopped" ? { pid: process.pid } : {}),
    bundle,
    annotations,
  };
  for (const phase of phases) await runHooks(phase, hooks, state);
}
