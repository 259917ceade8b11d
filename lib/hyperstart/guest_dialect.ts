import { readU32 } from "./byte_order.ts";

/**
 * Which guest is on the other side: podvisor's own, the Go agent, or C hyperstart at API version 4242 (0.7, exit codes
 * in stream frames) or 4244 (1.1, exit codes in control events).
 */
export type GuestDialect = "builtin" | "go" | "c4242" | "c4244";

/** All of them. */
export const GUEST_DIALECTS: readonly GuestDialect[] = ["builtin", "go", "c4242", "c4244"];

/** The last version in which exit codes are stream frames (hyperstart-protocol 1). */
const LAST_WITH_STATUS_FRAMES = 4242;

/**
 * The dialect of a guest that has acknowledged GETVERSION. One that answers ERROR speaks the Go agent's.
 *
 * @param reply payload of the ACK: u32 big-endian, the API version of a C guest
 */
export function dialectOfVersion(reply: Uint8Array): GuestDialect {
  if (reply.length !== 4) return "go";
  return readU32(reply, 0) <= LAST_WITH_STATUS_FRAMES ? "c4242" : "c4244";
}

/** Whether a dialect is C hyperstart's: strict about keys, sparing with room. */
export function isCDialect(dialect: GuestDialect): boolean {
  return dialect === "c4242" || dialect === "c4244";
}

/** How messages name a guest of a dialect. */
export function guestName(dialect: GuestDialect): string {
  const names: Record<GuestDialect, string> = {
    builtin: "the built-in guest",
    go: "the Go agent",
    c4242: "C hyperstart 4242",
    c4244: "C hyperstart 4244",
  };
  return names[dialect];
}

/** Longest piece of stdin that a C guest takes at a time; more is lost without a word (hyperstart-protocol 3). */
export const C_STDIN_PIECE = 512;
