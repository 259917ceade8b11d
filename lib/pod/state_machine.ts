import { Failure } from "../failure.ts";

/** Life of a pod, and of a container. `ready`: made, and not yet started. */
export type LifeState = "ready" | "running" | "paused" | "stopped";

const TRANSITIONS: Readonly<Record<LifeState, readonly LifeState[]>> = {
  ready: ["running", "stopped"],
  running: ["paused", "stopped"],
  paused: ["running", "stopped"],
  stopped: ["running"],
};

/** Whether something may go from one state to another. */
export function canMove(from: LifeState, to: LifeState): boolean {
  return TRANSITIONS[from].includes(to);
}

/**
 * Refuses a transition that is not allowed.
 *
 * @param what it is that moves, such as `pod web`
 * @throws {Failure} naming both states
 */
export function checkMove(what: string, from: LifeState, to: LifeState): void {
  if (canMove(from, to)) return;
  throw new Failure(`Cannot move ${what} from ${from} to ${to}`, {
    hint: `From ${from} it can go to ${TRANSITIONS[from].join(" or ")}`,
  });
}
