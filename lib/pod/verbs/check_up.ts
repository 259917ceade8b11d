import { Failure } from "../../failure.ts";

/** Refuses work in a pod whose guest does not answer. */
export function checkUp(state: string, what: string, pod: string): void {
  if (state === "ready" || state === "running") return;
  const hint = state === "paused" ? `podvisor pod resume ${pod}` : `podvisor pod start ${pod}`;
  throw new Failure(`Cannot ${what}: the pod ${pod} is ${state}, and must be ready or running`, {
    hint,
  });
}
