import { assertEquals, assertThrows } from "@std/assert";
import { Failure } from "../../../lib/failure.ts";
import { canMove, checkMove, type LifeState } from "../../../lib/pod/mod.ts";

const STATES: readonly LifeState[] = ["ready", "running", "paused", "stopped"];
const ALLOWED = [
  "ready running",
  "ready stopped",
  "running paused",
  "running stopped",
  "paused running",
  "paused stopped",
  "stopped running",
];

for (const from of STATES) {
  for (const to of STATES) {
    const allowed = ALLOWED.includes(`${from} ${to}`);
    Deno.test(`a move from ${from} to ${to} is ${allowed ? "allowed" : "refused"}`, () => {
      assertEquals(canMove(from, to), allowed);
      if (allowed) return checkMove("pod web", from, to);
      const error = assertThrows(() => checkMove("pod web", from, to), Failure);
      assertEquals(error.message, `Cannot move pod web from ${from} to ${to}`);
    });
  }
}
